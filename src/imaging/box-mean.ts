import type { Size } from "./types.ts";

/** The mean over (2 radius + 1) squared pixels, of those that lie inside; row-major [height, width]. */
export function boxMean(plane: Float32Array, [height, width]: Size, radius: number): Float32Array {
  const rows = new Float32Array(plane.length);
  for (let y = 0; y < height; y++)
    runningMean(plane, rows, { from: y * width, step: 1, length: width, radius });
  const out = new Float32Array(plane.length);
  for (let x = 0; x < width; x++) runningMean(rows, out, { from: x, step: width, length: height, radius });
  return out;
}

function runningMean(
  source: Float32Array,
  target: Float32Array,
  { from, step, length, radius }: { from: number; step: number; length: number; radius: number },
): void {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < Math.min(radius, length); i++, count++) sum += source[from + i * step] as number;
  for (let i = 0; i < length; i++) {
    if (i + radius < length) {
      sum += source[from + (i + radius) * step] as number;
      count++;
    }
    if (i - radius - 1 >= 0) {
      sum -= source[from + (i - radius - 1) * step] as number;
      count--;
    }
    target[from + i * step] = sum / count;
  }
}
