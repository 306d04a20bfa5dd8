/** One 40 x 30 picture with one square on it, as annotation tools write its outline. */
import { picture } from "../datasets/zips.ts";

export const [width, height] = [40, 30];
/** A PNG file. */
export const image = await picture(1, width, height);
type Ring = [number, number][];

/** The square of x from 4 and y from 6, 10 pixels wide and high: 100 of them. */
export const points: Ring = [
  [4, 6],
  [14, 6],
  [14, 16],
  [4, 16],
];
export const flat = points.flat();
export const xy = points.map(([x, y]) => ({ x, y }));
/** Within it, 16 pixels. */
export const hole: Ring = [
  [6, 8],
  [10, 8],
  [10, 12],
  [6, 12],
];
/** Something else on the picture. */
export const box = { x: 1, y: 1, w: 5, h: 5 };
