import { type AreaLogits, extentAbove, logitsOfPart, nothing } from "./area-logits.ts";
import type { Fit } from "../domain/model-family.ts";
import { boxRound } from "./geometry.ts";
import type { Box, Size } from "./types.ts";

/** One sure tile must not overrule its neighbours. */
const bound = 12;

/** The same for programs elsewhere that stitch (exports/runners). */
export const stitchRules = { bound, nothing } as const;

/** Low-res logits [256, 256] of one region of an image, in the frame of that region. */
export interface RegionLogits {
  /** [x0, y0, x1, y1] in whole pixels of the image. */
  readonly region: Box;
  readonly lowRes: Float32Array;
  readonly fit: Fit;
}

/**
 * The logits of a window from those of its views, where any may be above `threshold`, with `room` pixels more on each side
 * inside the window; null where none may be. Where views overlap, each counts by its distance from its own edges, so that
 * no seam is seen; a view alone counts as it is.
 */
export function joinedLogits(
  window: Box,
  views: readonly RegionLogits[],
  { threshold, room = 0 }: { threshold: number; room?: number },
): AreaLogits | null {
  let extent: Box | null = null;
  for (const { region, lowRes, fit } of views) {
    const size = sizeOf(region);
    const own = extentAbove(lowRes, { region: size, to: size, fit }, threshold);
    if (!own) continue;
    const box = moved(own, region);
    extent = extent ? boxRound(extent, box) : box;
  }
  if (!extent) return null;
  const area = widened(extent, room, window);
  return { area, data: stitched(window, views, area) };
}

/**
 * The logits of one view that is all of the window, with the window brought to `working` [height, width]; the area counts
 * in pixels of that scale from the window's top left.
 */
export function scaledLogits(
  { region, lowRes, fit }: RegionLogits,
  working: Size,
  { threshold, room }: { threshold: number; room: number },
): AreaLogits | null {
  const scale = { region: sizeOf(region), to: working, fit };
  const extent = extentAbove(lowRes, scale, threshold);
  if (!extent) return null;
  const area = widened(extent, room, [0, 0, working[1], working[0]]);
  return { area, data: logitsOfPart(lowRes, scale, area) };
}

function stitched(window: Box, views: readonly RegionLogits[], area: Box): Float32Array {
  const [only] = views;
  if (views.length === 1 && only && only.region.every((edge, i) => edge === window[i])) {
    const own = sizeOf(window);
    return logitsOfPart(only.lowRes, { region: own, to: own, fit: only.fit }, movedBack(area, window));
  }
  const [left, top, right, bottom] = area;
  const width = right - left;
  const sums = new Float32Array(width * (bottom - top));
  const weights = new Float32Array(sums.length);
  for (const { region, lowRes, fit } of views) {
    const part = intersection(region, area);
    if (!part) continue;
    const size = sizeOf(region);
    const logits = logitsOfPart(lowRes, { region: size, to: size, fit }, movedBack(part, region));
    const [across, down] = [nearnessToMiddle(size[1]), nearnessToMiddle(size[0])];
    for (let y = part[1], from = 0; y < part[3]; y++) {
      const high = down[y - region[1]] as number;
      let to = (y - top) * width + part[0] - left;
      for (let x = part[0] - region[0]; x < part[2] - region[0]; x++, from++, to++) {
        const weight = (across[x] as number) * high;
        const logit = Math.max(-bound, Math.min(bound, logits[from] as number));
        sums[to] = (sums[to] as number) + weight * logit;
        weights[to] = (weights[to] as number) + weight;
      }
    }
  }
  for (let i = 0; i < sums.length; i++) {
    const weight = weights[i] as number;
    sums[i] = weight > 0 ? (sums[i] as number) / weight : nothing;
  }
  return sums;
}

/** 0 < value <= 1 by pixel of an axis: the distance to the nearer end as a share of the length. */
const nearnessToMiddle = (length: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.min(i + 1, length - i) / length);

/** [height, width] of a box of whole pixels. */
export const sizeOf = ([x0, y0, x1, y1]: Box): Size => [y1 - y0, x1 - x0];

const moved = ([x0, y0, x1, y1]: Box, [left, top]: Box): Box => [x0 + left, y0 + top, x1 + left, y1 + top];
const movedBack = ([x0, y0, x1, y1]: Box, [left, top]: Box): Box => [
  x0 - left,
  y0 - top,
  x1 - left,
  y1 - top,
];

const widened = ([x0, y0, x1, y1]: Box, room: number, [left, top, right, bottom]: Box): Box => [
  Math.max(left, x0 - room),
  Math.max(top, y0 - room),
  Math.min(right, x1 + room),
  Math.min(bottom, y1 + room),
];

function intersection(a: Box, b: Box): Box | null {
  const [x0, y0] = [Math.max(a[0], b[0]), Math.max(a[1], b[1])];
  const [x1, y1] = [Math.min(a[2], b[2]), Math.min(a[3], b[3])];
  return x1 > x0 && y1 > y0 ? [x0, y0, x1, y1] : null;
}
