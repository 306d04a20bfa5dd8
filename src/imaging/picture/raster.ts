/** How much of each pixel something covers: row-major, in [0, 1]. */
export interface Layer {
  readonly width: number;
  readonly height: number;
  readonly data: Float32Array;
}

export const emptyLayer = (width: number, height: number): Layer => ({
  width,
  height,
  data: new Float32Array(width * height),
});

/** A polyline with round ends, `radius` pixels to each side, antialiased; overlaps count once. `points` flat, in pixels. */
export function drawLine(layer: Layer, points: readonly number[], radius: number): void {
  for (let i = 0; i + 3 < points.length; i += 2) {
    const [ax, ay, bx, by] = points.slice(i, i + 4) as [number, number, number, number];
    const [dx, dy] = [bx - ax, by - ay];
    const length = dx * dx + dy * dy;
    const box = [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)] as const;
    cover(layer, box, radius, (x, y) => {
      const t = length === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length));
      return distanceOf(x - ax - t * dx, y - ay - t * dy) - radius;
    });
  }
}

/** A filled polygon by the even-odd rule, antialiased at its edge. `points` flat, in pixels. */
export function drawPolygon(layer: Layer, points: readonly number[]): void {
  const xs = points.filter((_, i) => i % 2 === 0);
  const ys = points.filter((_, i) => i % 2 === 1);
  cover(layer, [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)], 1, (x, y) => {
    let inside = false;
    let nearest = Infinity;
    for (let i = 0, j = xs.length - 1; i < xs.length; j = i++) {
      const [ax, ay, bx, by] = [xs[j], ys[j], xs[i], ys[i]] as [number, number, number, number];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
      const [dx, dy] = [bx - ax, by - ay];
      const t = Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy || 1)));
      nearest = Math.min(nearest, distanceOf(x - ax - t * dx, y - ay - t * dy));
    }
    return inside ? -nearest : nearest;
  });
}

/** Raises coverage where the signed distance to a shape's edge (pixels, negative inside) says so. */
function cover(
  { width, height, data }: Layer,
  [x0, y0, x1, y1]: readonly [number, number, number, number],
  margin: number,
  distance: (x: number, y: number) => number,
): void {
  const bottom = Math.min(height - 1, Math.ceil(y1 + margin));
  const right = Math.min(width - 1, Math.ceil(x1 + margin));
  for (let y = Math.max(0, Math.floor(y0 - margin - 1)); y <= bottom; y++) {
    for (let x = Math.max(0, Math.floor(x0 - margin - 1)); x <= right; x++) {
      const value = Math.min(1, 0.5 - distance(x + 0.5, y + 0.5));
      const at = y * width + x;
      if (value > (data[at] as number)) data[at] = value;
    }
  }
}

/** Math.hypot guards against overflow and is several times slower. */
function distanceOf(x: number, y: number): number {
  return Math.sqrt(x * x + y * y);
}
