import { AppError } from "../lib/errors.ts";
import { boxOf } from "./geometry.ts";
import { crossingsOf, runsBetween, union } from "./polygon-runs.ts";
import { fillColumnMajor } from "./rle.ts";
import { simplifyRing } from "./simplify.ts";
import { traceRegions } from "./trace-rings.ts";
import type { BinaryMask } from "./types.ts";

/** Edges in all rings together may be this long (pixels), whatever the image: it bounds the work. */
const maxEdgePixels = 20_000_000;
/** Coordinates of one mask's outline, as it is answered: a hundred times those of an intricate object. */
const maxNumbers = 1_000_000;

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
  const runs = polygonsToRuns(polygons, width, height);
  const data = new Uint8Array(width * height);
  let position = 0;
  for (let i = 0; i < runs.length; i++) {
    const end = position + (runs[i] as number);
    if (i % 2 === 1) fillColumnMajor(data, width, height, position, end);
    position = end;
  }
  return { width, height, data };
}

/**
 * The same as column-major run lengths, background first, without a pixel being drawn; runs may be empty.
 * Throws as polygonsToMask does.
 */
export function polygonsToRuns(
  polygons: readonly (readonly number[])[],
  width: number,
  height: number,
): number[] {
  checkPolygons(polygons, width, height);
  return runsBetween(union(polygons.map((ring) => crossingsOf(ring, width, height))), width * height);
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
 * Throws AppError answer_too_large beyond half a million corners.
 */
export function maskToPolygons(mask: BinaryMask, tolerance = 0): number[][] {
  const [x0, y0, x1, y1] = boxOf(mask);
  const [width, height] = [x1 - x0, y1 - y0];
  if (width === 0) return [];
  // Only the mask's own box is traced.
  const values = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const from = (y + y0) * mask.width + x0;
    values.set(mask.data.subarray(from, from + width), y * width);
  }
  let left = maxNumbers;
  return traceRegions(values, width, height).map(({ outer, holes }) => {
    const out: number[] = [];
    /** Goes round a ring; where `again`, back to where it began. */
    const append = (ring: readonly number[], again: boolean): void => {
      const simple = simplifyRing(ring, tolerance);
      left -= simple.length + 4;
      if (left < 0) throw tooManyCorners();
      for (let i = 0; i < simple.length; i += 2)
        out.push((simple[i] as number) + x0, (simple[i + 1] as number) + y0);
      if (again) out.push((simple[0] as number) + x0, (simple[1] as number) + y0);
    };
    append(outer, holes.length > 0);
    const starts: number[] = [];
    for (const hole of holes) {
      starts.push(out.length);
      append(hole, true);
    }
    // Every ring closes on its own first point; the bridges lead from each to the next, and at the end all the way back.
    for (const start of starts.slice(0, -1).toReversed())
      out.push(out[start] as number, out[start + 1] as number);
    return out;
  });
}

const tooManyCorners = (): AppError =>
  new AppError(
    "answer_too_large",
    `A mask's outline has more than the ${maxNumbers / 2} corners that polygons may have. Ask for run lengths (format rle), or give polygon_tolerance.`,
    { param: "format" },
  );

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
