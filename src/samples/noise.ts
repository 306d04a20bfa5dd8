import type { Random } from "../lib/random.ts";

/** Smooth noise in [0, 1): random values on a grid of `cell` pixels, smoothed between. Row-major. */
export function noise(random: Random, width: number, height: number, cell: number): Float32Array {
  const columns = Math.ceil(width / cell) + 2;
  const rows = Math.ceil(height / cell) + 2;
  const grid = Float32Array.from({ length: columns * rows }, () => random.next());
  const out = new Float32Array(width * height);
  const ease = (t: number): number => t * t * (3 - 2 * t);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y / cell) * columns;
    const v = ease(y / cell - Math.floor(y / cell));
    for (let x = 0; x < width; x++) {
      const at = row + Math.floor(x / cell);
      const u = ease(x / cell - Math.floor(x / cell));
      const top = (grid[at] as number) * (1 - u) + (grid[at + 1] as number) * u;
      const low = (grid[at + columns] as number) * (1 - u) + (grid[at + columns + 1] as number) * u;
      out[y * width + x] = top * (1 - v) + low * v;
    }
  }
  return out;
}
