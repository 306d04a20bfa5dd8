import { readFileSync } from "node:fs";
import type { BinaryMask, Size } from "../../src/imaging/types.ts";

/**
 * Messages as the server of CVAT 2.54.1 sends them to its functions: made by peers/cvat_functions.py, and held to it by
 * test/peers. Their image is to be put in; it has 120 x 90 pixels.
 */
export const cvatMessage = (
  name: "interactor" | "interactor-click" | "detector" | "detector-default",
): CvatMessage =>
  JSON.parse(
    readFileSync(new URL(`../routes/reference/cvat-${name}.json`, import.meta.url), "utf8"),
  ) as CvatMessage;

export interface CvatMessage {
  image: string;
  threshold?: number;
  pos_points: [number, number][];
  neg_points: [number, number][];
  obj_bbox: [number, number][];
}

/** The pixels of a box, row by row, and [left, top, right, bottom] behind them, the last two inclusive, as a mask of the image. */
export function bitsOnImage(values: readonly number[], [height, width]: Size): BinaryMask {
  const [left = 0, top = 0, right = 0, bottom = 0] = values.slice(-4);
  const side = right - left + 1;
  const bits = values.slice(0, -4);
  if (bits.length !== side * (bottom - top + 1))
    throw new Error(`${bits.length} pixels for a box of another size`);
  const data = new Uint8Array(width * height);
  for (const [i, bit] of bits.entries()) data[(top + Math.floor(i / side)) * width + left + (i % side)] = bit;
  return { width, height, data };
}
