import { expect, it } from "vitest";
import { type Files, picture, problemOf, readAll, toldBy, useZips } from "./zips.ts";
import { annotation, coco, entry } from "../worlds/coco-square.ts";

const zips = useZips();
const image = await picture(1);

it("leaves out what is at fault, with its reason, and takes the rest", async () => {
  const cases: [object, string, RegExp][] = [
    [{ segmentation: [[1, 1, 2, 2]] }, "object_empty", /polygon of 2 points/],
    [{ segmentation: [[1, 1, 3, 3, 5, 5]] }, "object_empty", /polygon of no area/],
    [{ segmentation: [[50, 50, 60, 50, 60, 60]] }, "object_invalid", /far outside/],
    [{ segmentation: [[1, 1, 2, 2, 3]] }, "object_invalid", /come in pairs/],
    [{ segmentation: "abc" }, "object_invalid", /must be polygons/],
    [{ segmentation: { size: [12, 8], counts: [96] } }, "size_differs", /RLE's size is \[12, 8\]/],
    [{ segmentation: { size: [8, 12], counts: [17, 6] } }, "object_invalid", /add up to 23 pixels/],
    [{ segmentation: { size: [8, 12], counts: "~~" } }, "object_invalid", /counts/],
    [{ segmentation: [], bbox: [1, 1, 4, 4] }, "box_only", /no segmentation/],
    [{ segmentation: undefined }, "shape_unsupported", /no segmentation/],
    [{ segmentation: null, bbox: [1, 1, 4, 4] }, "box_only", /no segmentation/],
    [{ image_id: 99 }, "image_missing", /no id 99/],
    [{ image_id: undefined }, "entry_invalid", /image_id/],
    [{}, "duplicate", /the same object as annotations\.json: annotation 7/],
  ];
  for (const [changes, code, detail] of cases) {
    const files = {
      "images/a.png": image,
      "annotations.json": coco({ annotations: [annotation(), annotation({ id: 8, ...changes })] }),
    };
    const { dataset, items, report } = await readAll(await zips.zip(files));
    expect(items[0]?.annotations).toHaveLength(1);
    expect(toldBy(dataset).skipped, code).toEqual({ [code]: 1 });
    expect(report).toMatchObject([{ code, file: "annotations.json", detail: expect.stringMatching(detail) }]);
  }
});

it("names the file, the annotation and the reason where nothing is left", async () => {
  const bad = (changes: object): Files => ({ "images/a.png": image, "annotations.json": coco(changes) });
  const cases: [Files, RegExp][] = [
    [{ "images/a.png": image, "annotations.json": "{" }, /^annotations\.json: is not JSON/],
    [bad({ images: [{ id: 1 }] }), /^annotations\.json: images\[0\]: file_name/],
    [
      bad({ images: [entry({ file_name: "gone.png" })] }),
      /^annotations\.json: image 1: there is no file gone\.png/,
    ],
    [
      bad({ annotations: [annotation({ image_id: 99 })] }),
      /^annotations\.json: image 99: images has no id 99/,
    ],
    [
      bad({ annotations: [annotation({ segmentation: [[1, 1, 2, 2]] })] }),
      /annotation 7: a polygon of 2 points/,
    ],
    [
      bad({ images: [entry({ width: 24, height: 16 })] }),
      /annotation 7: the image is 12 x 8 pixels as seen, annotations\.json says 24 x 16/,
    ],
    [
      { "x/a.png": image, "y/a.png": await picture(2), "annotations.json": coco() },
      /image 1: a\.png may be x\/a\.png or y\/a\.png/,
    ],
  ];
  for (const [files, message] of cases) {
    const found = await problemOf(await zips.zip(files));
    expect(found.message).toMatch(message);
    expect(found).toMatchObject({ code: "import_file_invalid", param: "annotations.json" });
  }
});

it("counts what can't be read before it looks at it, whichever list it stands in", async () => {
  const limits = { maxImages: 1, maxAnnotations: 2 };
  const cases: [Files, RegExp][] = [
    [{ "annotations.json": coco({ annotations: [annotation(), [], []] }) }, /3 annotations; 2 are the most/],
    [{ "annotations.json": coco({ categories: [[], [], []] }) }, /3 categories; 2 are the most/],
    [{ "annotations.json": coco({ images: [[], [], [], [], []] }) }, /5 images; 4 are the most/],
    [{ "project.json": [{ data: {}, annotations: [] }, 1, 2, 3, 4] }, /5 tasks; 4 are the most/],
  ];
  for (const [files, message] of cases) {
    const path = await zips.zip({ "images/a.png": image, ...files });
    expect(await problemOf(path, { limits })).toMatchObject({
      code: "import_too_large",
      message: expect.stringMatching(message),
    });
  }
});
