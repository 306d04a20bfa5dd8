import type { AreaLogits } from "./area-logits.ts";
import type { Box, Size } from "./types.ts";

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

/**
 * An area of a plane of `from` [height, width] when the plane is brought to the pixels of the box `to`, as resizePlane
 * would: those that lie between pixels of the area alone. What is given counts as `to` does.
 */
export function resizedArea({ area, data }: AreaLogits, from: Size, to: Box): AreaLogits {
  const [left, top, right, bottom] = area;
  const width = right - left;
  const rows = covered(axis(from[0], to[3] - to[1]), top, bottom);
  const columns = covered(axis(from[1], to[2] - to[0]), left, right);
  const out = new Float32Array((rows.end - rows.start) * (columns.end - columns.start));
  for (let y = rows.start, at = 0; y < rows.end; y++) {
    const upper = ((rows.low[y] as number) - top) * width - left;
    const lower = ((rows.high[y] as number) - top) * width - left;
    const down = rows.share[y] as number;
    for (let x = columns.start; x < columns.end; x++, at++) {
      const [a, b] = [columns.low[x] as number, columns.high[x] as number];
      const across = columns.share[x] as number;
      const above = (1 - across) * (data[upper + a] as number) + across * (data[upper + b] as number);
      const below = (1 - across) * (data[lower + a] as number) + across * (data[lower + b] as number);
      out[at] = (1 - down) * above + down * below;
    }
  }
  const box: Box = [to[0] + columns.start, to[1] + rows.start, to[0] + columns.end, to[1] + rows.end];
  return { area: box, data: out };
}

interface Axis {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly share: Float32Array;
}

/** With the first and last position, exclusive, that lie between `from` and `to` of what is read. */
function covered(all: Axis, from: number, to: number): Axis & { start: number; end: number } {
  let [start, end] = [0, all.low.length];
  while (start < end && (all.low[start] as number) < from) start++;
  while (end > start && (all.high[end - 1] as number) >= to) end--;
  return { ...all, start, end };
}

/** For each position of an axis: the two it lies between, and how far it is on the way to the second. */
function axis(from: number, to: number): Axis {
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
