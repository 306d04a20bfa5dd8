import { boxOf } from "./geometry.ts";
import { iou } from "./metrics.ts";
import type { BinaryMask, Size } from "./types.ts";

/** How deep the boundary reaches into a mask, as a share of the image's diagonal. */
const dilationRatio = 0.02;

/**
 * Boundary IoU of two masks of one size (Cheng et al. 2021): the IoU of their inner boundaries, so that a large mask's
 * inside can't hide a bad outline. Two empty masks agree: 1. In [0, 1].
 * @param size of the image [height, width], where the masks are an area of it that all of both lies in
 * Source: boundary-iou-api boundary_iou/utils/boundary_utils.py.
 */
export function boundaryIou(a: BinaryMask, b: BinaryMask, size?: Size): number {
  return iou(boundaryOf(a, size), boundaryOf(b, size));
}

/**
 * The pixels of a mask within the boundary's depth of a pixel that is background; the image's edge is background, as in
 * the reference. It erodes with a 3 x 3 square so many times: what is left are the pixels whose square of 2 depth + 1
 * is foreground throughout, and a square can be looked for along rows, then columns.
 */
export function boundaryOf(mask: BinaryMask, size: Size = [mask.height, mask.width]): BinaryMask {
  const { width, height, data } = mask;
  const depth = boundaryDepth(size);
  const out = data.slice();
  const [x0, y0, x1, y1] = boxOf(mask);
  const reach = 2 * depth + 1;
  // For each column: how many rows end here, one after the other, that are foreground `depth` to the left and right.
  const down = new Int32Array(width);
  for (let y = y0; y < y1; y++) {
    let along = 0;
    for (let x = x0; x < x1; x++) {
      along = data[y * width + x] === 1 ? along + 1 : 0;
      const middle = x - depth;
      if (middle < x0) continue;
      const run = along >= reach ? (down[middle] as number) + 1 : 0;
      down[middle] = run;
      if (run >= reach) out[(y - depth) * width + middle] = 0;
    }
  }
  return { width, height, data: out };
}

/** In pixels, at least one. Python's round: a half goes to the even neighbour. */
function boundaryDepth([height, width]: Size): number {
  const exact = dilationRatio * Math.sqrt(height ** 2 + width ** 2);
  const low = Math.floor(exact);
  const up = exact - low > 0.5 || (exact - low === 0.5 && low % 2 === 1);
  return Math.max(1, up ? low + 1 : low);
}
