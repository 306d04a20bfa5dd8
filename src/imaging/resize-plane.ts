import type { Size } from "./types.ts";

/**
 * One plane of numbers at another size, bilinear with pixel centres at halves (align_corners=False), not antialiased;
 * row-major [height, width] on both sides.
 */
export function resizePlane(plane: Float32Array, from: Size, to: Size): Float32Array {
  if (from[0] === to[0] && from[1] === to[1]) return plane;
  const [rows, columns] = [axis(from[0], to[0]), axis(from[1], to[1])];
  const out = new Float32Array(to[0] * to[1]);
  for (let y = 0, at = 0; y < to[0]; y++) {
    const top = (rows.low[y] as number) * from[1];
    const bottom = (rows.high[y] as number) * from[1];
    const down = rows.share[y] as number;
    for (let x = 0; x < to[1]; x++, at++) {
      const [left, right] = [columns.low[x] as number, columns.high[x] as number];
      const across = columns.share[x] as number;
      const upper = (1 - across) * (plane[top + left] as number) + across * (plane[top + right] as number);
      const lower =
        (1 - across) * (plane[bottom + left] as number) + across * (plane[bottom + right] as number);
      out[at] = (1 - down) * upper + down * lower;
    }
  }
  return out;
}

/** For each position of an axis: the two it lies between, and how far it is on the way to the second. */
function axis(from: number, to: number): { low: Int32Array; high: Int32Array; share: Float32Array } {
  const [low, high, share] = [new Int32Array(to), new Int32Array(to), new Float32Array(to)];
  for (let i = 0; i < to; i++) {
    const source = Math.max(0, ((i + 0.5) * from) / to - 0.5);
    const first = Math.min(Math.floor(source), from - 1);
    low[i] = first;
    high[i] = Math.min(first + 1, from - 1);
    share[i] = source - first;
  }
  return { low, high, share };
}
