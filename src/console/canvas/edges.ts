import type { BinaryMask, Box } from "../../imaging/types.ts";

/**
 * The pixel edges between foreground and background inside the mask's own box, as straight pieces
 * [x0, y0, x1, y1, ...] of any length, each edge once, in no order. One walk, row by row: columns first would touch a
 * cache line for every pixel.
 */
export function edgePieces({ width, data }: BinaryMask, [left, top, right, bottom]: Box): number[] {
  const pieces: number[] = [];
  const columns = right - left;
  let above = new Uint8Array(columns + 2);
  let here = new Uint8Array(columns + 2);
  /** Where the edge left of each pixel began, in rows; -1 where there is none now. */
  const began = new Int32Array(columns + 2).fill(-1);
  for (let y = top; y <= bottom; y++) {
    // Background stands left and right of the row, and below the last one.
    if (y < bottom) here.set(data.subarray(y * width + left, y * width + right), 1);
    else here.fill(0);
    let from = -1;
    for (let x = 1; x <= columns + 1; x++) {
      const pixel = here[x] as number;
      if (pixel !== above[x]) {
        if (from < 0) from = x;
        else if (pixel !== here[x - 1]) {
          pieces.push(left + from - 1, y, left + x - 1, y);
          from = x;
        }
      } else if (from >= 0) {
        pieces.push(left + from - 1, y, left + x - 1, y);
        from = -1;
      }
      const edge = pixel !== here[x - 1];
      const start = began[x] as number;
      if (edge && start < 0) began[x] = y;
      else if (!edge && start >= 0) {
        pieces.push(left + x - 1, start, left + x - 1, y);
        began[x] = -1;
      }
    }
    [above, here] = [here, above];
  }
  return pieces;
}
