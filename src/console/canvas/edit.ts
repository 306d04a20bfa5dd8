import { contours } from "d3-contour";
import { boxOf } from "../../imaging/geometry.ts";
import type { BinaryMask } from "../../imaging/types.ts";

/** A closed line in pixels of the image, holes among them: filled by the even-odd rule. */
export type Ring = readonly (readonly [number, number])[];

export const emptyMask = (width: number, height: number): BinaryMask => ({
  width,
  height,
  data: new Uint8Array(width * height),
});

export const copyMask = ({ width, height, data }: BinaryMask): BinaryMask => ({
  width,
  height,
  data: data.slice(),
});

/** Sets the pixels within `radius` of the line from a to b, in place. */
export function stroke(
  mask: BinaryMask,
  [ax, ay]: readonly [number, number],
  [bx, by]: readonly [number, number],
  { radius, value }: { radius: number; value: 0 | 1 },
): void {
  const top = Math.max(0, Math.floor(Math.min(ay, by) - radius));
  const bottom = Math.min(mask.height - 1, Math.ceil(Math.max(ay, by) + radius));
  const left = Math.max(0, Math.floor(Math.min(ax, bx) - radius));
  const right = Math.min(mask.width - 1, Math.ceil(Math.max(ax, bx) + radius));
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const [px, py] = [x + 0.5 - ax, y + 0.5 - ay];
      const along = length === 0 ? 0 : Math.min(1, Math.max(0, (px * dx + py * dy) / length));
      const [ex, ey] = [px - along * dx, py - along * dy];
      if (ex * ex + ey * ey <= radius * radius) mask.data[y * mask.width + x] = value;
    }
  }
}

/** The mask's edges as rings with few corners: none lies further than `tolerance` pixels from the edge. */
export function ringsOf(mask: BinaryMask, tolerance: number): Ring[] {
  const [x0, y0, x1, y1] = boxOf(mask);
  const [width, height] = [x1 - x0, y1 - y0];
  if (width === 0) return [];
  const values: number[] = [];
  for (let y = y0; y < y1; y++) {
    for (let x = x0; x < x1; x++) values.push(mask.data[y * mask.width + x] as number);
  }
  const shape = contours().size([width, height]).smooth(false).contour(values, 0.5);
  return shape.coordinates
    .flat()
    .map((ring) =>
      simplify(
        ring.map(([x, y]) => [(x as number) + x0, (y as number) + y0] as const),
        tolerance,
      ),
    )
    .filter((ring) => ring.length >= 3);
}

/** Douglas and Peucker 1973, on a closed line whose last point repeats the first. */
function simplify(ring: readonly (readonly [number, number])[], tolerance: number): Ring {
  const keep = new Set([0, ring.length - 1]);
  // A closed line has no two ends: its farthest point is the second.
  const first = ring[0] as readonly [number, number];
  const distances = ring.map(([x, y]) => Math.hypot(x - first[0], y - first[1]));
  const far = distances.indexOf(Math.max(...distances));
  const work: [number, number][] = [
    [0, far],
    [far, ring.length - 1],
  ];
  keep.add(far);
  for (let part = work.pop(); part; part = work.pop()) {
    const [from, to] = part;
    let worst = tolerance;
    let at = -1;
    for (let i = from + 1; i < to; i++) {
      const away = distance(ring[i] as Ring[0], ring[from] as Ring[0], ring[to] as Ring[0]);
      if (away > worst) [worst, at] = [away, i];
    }
    if (at < 0) continue;
    keep.add(at);
    work.push([from, at], [at, to]);
  }
  return [...keep]
    .sort((a, b) => a - b)
    .slice(0, -1)
    .map((i) => ring[i] as readonly [number, number]);
}

/** From p to the piece of line between a and b. */
export function distance(p: Ring[0], a: Ring[0], b: Ring[0]): number {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const length = dx * dx + dy * dy;
  const along = length === 0 ? 0 : ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / length;
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(p[0] - a[0] - t * dx, p[1] - a[1] - t * dy);
}

/** The pixels whose larger part lies inside, holes left out; the browser's own rasteriser does it. */
export function fillRings(rings: readonly Ring[], width: number, height: number): BinaryMask {
  const mask = emptyMask(width, height);
  const corners = rings.flat();
  if (corners.length === 0) return mask;
  const clamp = (value: number, most: number): number => Math.min(most, Math.max(0, value));
  const xs = corners.map(([x]) => x);
  const ys = corners.map(([, y]) => y);
  const [x0, y0] = [clamp(Math.floor(Math.min(...xs)), width), clamp(Math.floor(Math.min(...ys)), height)];
  const [x1, y1] = [clamp(Math.ceil(Math.max(...xs)), width), clamp(Math.ceil(Math.max(...ys)), height)];
  if (x1 <= x0 || y1 <= y0) return mask;
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [x1 - x0, y1 - y0];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return mask;
  context.translate(-x0, -y0);
  context.fill(pathOf(rings), "evenodd");
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  for (let y = y0, at = 3; y < y1; y++) {
    for (let p = y * width + x0; p < y * width + x1; p++, at += 4)
      mask.data[p] = (data[at] as number) >= 128 ? 1 : 0;
  }
  return mask;
}

export function pathOf(rings: readonly Ring[]): Path2D {
  const path = new Path2D();
  for (const ring of rings) {
    for (const [i, [x, y]] of ring.entries()) {
      if (i === 0) path.moveTo(x, y);
      else path.lineTo(x, y);
    }
    path.closePath();
  }
  return path;
}
