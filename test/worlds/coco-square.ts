/** A COCO file of one 12 x 8 image, `a.png`, with one stamp on it, and what is to be otherwise. */

/** The rectangle [2, 1, 5, 7] as polygons. */
export const square = [[2, 1, 5, 1, 5, 7, 2, 7]];

export const entry = (changes: object = {}) => ({
  id: 1,
  file_name: "a.png",
  width: 12,
  height: 8,
  ...changes,
});

export const annotation = (changes: object = {}) => ({
  id: 7,
  image_id: 1,
  category_id: 3,
  segmentation: square,
  ...changes,
});

export const coco = (changes: object = {}) => ({
  images: [entry()],
  annotations: [annotation()],
  categories: [{ id: 3, name: "stamp" }],
  ...changes,
});
