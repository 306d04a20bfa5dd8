/** Cells along a side of an image embedding. */
export const gridCells = 64;

/** Units of a finder's hidden layers, and of the last before its outputs. */
export const [units, lastUnits] = [64, 128] as const;
/**
 * How far apart the taps of its two convolutions lie, in cells: together they see 9 x 9. Two of one cell each see less of
 * an object than its own box.
 */
export const dilations = [1, 3] as const;

/** A cell is answered for in 2 x 2 parts, row by row. */
export const partsOfCell = 4;

/** Log distances to the left, top, right and bottom of the object's box, after all labels' logits. */
export const sides = 4;

/** What each part of a cell is given: by label a logit of foreground, by label one of an object's centre, and four sides. */
export const outputsOf = (labels: number): number => 2 * labels + sides;

/** The shape of every weight of a finder, by name. `mean` and `scale` bring the embedding's channels to one size. */
export const finderShapes = (labels: number): Readonly<Record<string, readonly number[]>> => ({
  mean: [256],
  scale: [256],
  "project.weight": [256, units],
  "project.bias": [units],
  ...Object.fromEntries(
    dilations.flatMap((_, i) => [
      [`blocks.${i}.weight`, [9 * units, units]],
      [`blocks.${i}.bias`, [units]],
    ]),
  ),
  "widen.weight": [units, lastUnits],
  "widen.bias": [lastUnits],
  "head.weight": [lastUnits, partsOfCell * outputsOf(labels)],
  "head.bias": [partsOfCell * outputsOf(labels)],
});

/** What training leaves as it is. */
export const fixedParts: readonly string[] = ["mean", "scale"];

/** Sides of boxes are logarithms of so many parts of cells. */
export const sideUnit = 8;

/** Parts of cells along a side of the grid of a finder that pools so many cells. */
export const gridOf = (pool: number): number => (2 * gridCells) / pool;

/**
 * Centres that are looked at, the highest: a finder of 32 labels has six times as many where a caller's threshold lets all
 * noise through, and comparing their boxes would hold a thread for seconds.
 */
export const mostCentres = 10_000;

/** An object so much like the one that was shown is answered with where the caller names no threshold: see docs/find.md. */
export const likeThreshold = 0.3;

/** Objects that are shown together at most: each may be on an image of its own, which is encoded. */
export const mostShown = 8;

/** Places that are looked at for each object that may be answered with; at least so many, as the best need not stand out most. */
const [placesPerObject, leastPlaces, mostPlaces] = [2, 64, 200];

/** Places of an image that are looked at for objects like one that was shown, where `most` may be answered with. */
export const likePlaces = (most: number): number =>
  Math.min(mostPlaces, Math.max(leastPlaces, placesPerObject * most));
