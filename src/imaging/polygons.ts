import { contours } from "d3-contour";
import { AppError } from "../lib/errors.ts";
import { boxOf } from "./geometry.ts";
import { fillColumnMajor } from "./rle.ts";
import { simplifyRing } from "./simplify.ts";
import type { BinaryMask } from "./types.ts";

/** Edges in all rings together may be this long (pixels), whatever the image: it bounds the work. */
const maxEdgePixels = 20_000_000;

/**
 * Rasterises COCO polygons as pycocotools does (`frPyObjects`, then `merge`): inside one ring the even-odd rule,
 * over several rings the union. Orientation means nothing.
 *
 * `polygons`: rings [x, y, x, y, ...] in pixels, where pixel (i, j) covers [i, i+1) x [j, j+1); closed by themselves.
 * Points may lie outside the image by at most its longer side.
 * Throws AppError mask_polygon_invalid (param `polygons[k]`).
 */
export function polygonsToMask(
  polygons: readonly (readonly number[])[],
  width: number,
  height: number,
): BinaryMask {
  checkPolygons(polygons, width, height);
  const data = new Uint8Array(width * height);
  for (const ring of polygons) fillRing(ring, data, width, height);
  return { width, height, data };
}

/**
 * A mask as rings along its pixel edges (whole coordinates); `polygonsToMask` gives back the very same mask,
 * and so does pycocotools.
 *
 * One ring per connected region. COCO's format has no holes, so a hole is part of its region's ring: the outer edge,
 * a bridge of no width to the hole, round it the other way, on to the next, and back over the bridges. Even-odd and
 * non-zero fills both leave it empty.
 *
 * With a `tolerance` (pixels) every ring is simplified by itself: corners that lie so near to what replaces them go.
 */
export function maskToPolygons(mask: BinaryMask, tolerance = 0): number[][] {
  const [x0, y0, x1, y1] = boxOf(mask);
  const [width, height] = [x1 - x0, y1 - y0];
  if (width === 0) return [];
  // Only the mask's own box is traced; contours takes plain numbers, row-major.
  const values: number[] = Array.from({ length: width * height });
  for (let y = 0; y < height; y++) {
    const from = (y + y0) * mask.width + x0;
    for (let x = 0; x < width; x++) values[y * width + x] = mask.data[from + x] as number;
  }
  const trace = contours().size([width, height]).smooth(false);
  return trace.contour(values, 0.5).coordinates.map((rings) => {
    const [outer, ...holes] = rings.map((ring) =>
      simplifyRing(cornersOf(ring as [number, number][], x0, y0), tolerance),
    ) as [number[], ...number[][]];
    if (holes.length === 0) return outer;
    // Every ring closes on its own first point; the bridges lead from each to the next, and at the end all the way back.
    const out = outer.concat(outer.slice(0, 2), ...holes.map((hole) => hole.concat(hole.slice(0, 2))));
    for (const hole of holes.slice(0, -1).toReversed()) out.push(...hole.slice(0, 2));
    return out;
  });
}

/** d3-contour's points lie in the middle of pixel edges; the corner between a horizontal and a vertical edge is exact. */
function cornersOf(ring: readonly [number, number][], dx: number, dy: number): number[] {
  const corners: number[] = [];
  for (let i = 0; i + 1 < ring.length; i++) {
    const [ax, ay] = ring[i] as [number, number];
    const [bx, by] = ring[i + 1] as [number, number];
    const aVertical = Number.isInteger(ax);
    if (aVertical !== Number.isInteger(bx))
      corners.push((aVertical ? ax : bx) + dx, (aVertical ? by : ay) + dy);
  }
  return corners;
}

function checkPolygons(polygons: readonly (readonly number[])[], width: number, height: number): void {
  const reach = Math.max(width, height);
  let length = 0;
  if (polygons.length === 0)
    throw new AppError("mask_polygon_invalid", "there is no polygon", { param: "polygons" });
  for (const [k, ring] of polygons.entries()) {
    const invalid = (why: string) =>
      new AppError("mask_polygon_invalid", `polygon ${k} ${why}`, { param: `polygons[${k}]` });
    if (ring.length % 2 === 1) throw invalid(`has ${ring.length} numbers; x and y come in pairs`);
    if (ring.length < 6) throw invalid(`has ${ring.length / 2} points; 3 are the least`);
    for (let i = 0; i < ring.length; i++) {
      const value = ring[i] as number;
      if (!Number.isFinite(value)) throw invalid(`has ${value} at ${i}`);
      const side = i % 2 === 0 ? width : height;
      if (value < -reach || value > side + reach)
        throw invalid(`has ${value} at ${i}, far outside the ${width} x ${height} image`);
      const next = ring[(i + 2) % ring.length] as number;
      length += Math.abs(next - value);
    }
  }
  if (length > maxEdgePixels) {
    throw new AppError(
      "mask_polygon_invalid",
      `the edges are ${Math.round(length)} pixels long; ${maxEdgePixels} are the most`,
      { param: "polygons" },
    );
  }
}

/**
 * Sets one ring's pixels. A port of cocoapi common/maskApi.c, rleFrPoly: the ring is drawn 5 times finer, its crossings
 * with each column's centre line are rounded to rows, and between every two crossings (column-major) lies foreground.
 */
function fillRing(xy: readonly number[], data: Uint8Array, width: number, height: number): void {
  const scale = 5;
  const k = xy.length / 2;
  const crossings: number[] = [];
  let lastU = Number.NaN;
  let lastV = 0;
  const visit = (u: number, v: number): void => {
    if (u !== lastU && !Number.isNaN(lastU)) {
      const xd = ((u < lastU ? u : u - 1) + 0.5) / scale - 0.5;
      if (Math.floor(xd) === xd && xd >= 0 && xd <= width - 1) {
        const yd = ((v < lastV ? v : lastV) + 0.5) / scale - 0.5;
        crossings.push(xd * height + Math.ceil(Math.min(Math.max(yd, 0), height)));
      }
    }
    lastU = u;
    lastV = v;
  };
  const fine = (i: number): number => Math.trunc(scale * (xy[i] as number) + 0.5);
  for (let j = 0; j < k; j++) {
    let [xs, ys] = [fine(2 * j), fine(2 * j + 1)];
    let [xe, ye] = [fine((2 * j + 2) % xy.length), fine((2 * j + 3) % xy.length)];
    const dx = Math.abs(xe - xs);
    const dy = Math.abs(ye - ys);
    const flip = (dx >= dy && xs > xe) || (dx < dy && ys > ye);
    if (flip) [xs, ys, xe, ye] = [xe, ye, xs, ys];
    const slope = dx >= dy ? (ye - ys) / dx : (xe - xs) / dy;
    // An edge of no length has slope 0/0; its point repeats the one before and crosses nothing.
    if (dx >= dy)
      for (let d = 0; d <= dx; d++)
        visit((flip ? dx - d : d) + xs, Math.trunc(ys + slope * (flip ? dx - d : d) + 0.5));
    else
      for (let d = 0; d <= dy; d++)
        visit(Math.trunc(xs + slope * (flip ? dy - d : d) + 0.5), (flip ? dy - d : d) + ys);
  }
  const sorted = Float64Array.from(crossings).sort();
  for (let i = 0; i < sorted.length; i += 2) {
    fillColumnMajor(data, width, height, sorted[i] as number, sorted[i + 1] ?? width * height);
  }
}
