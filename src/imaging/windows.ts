import type { Zoom } from "../domain/focus.ts";
import type { Box, Point, Size } from "./types.ts";

/** Windows of fewer pixels than this have nothing more to show. */
const leastSide = 32;
/**
 * Windows lie on a raster of this part of their side, and sides grow by two to the power of it: prompts that differ by a
 * hair share a window, and so its embedding.
 */
const defaultRaster = 1 / 4;
/** A window that covers this much of the image along both axes is the image. */
const wholeShare = 0.9;
/** Neighbouring tiles share this part of their side, so that no edge of an object is seen at a border only. */
const overlap = 0.25;
/** Tiles with fewer pixels than this along a side are not cut. */
const leastTile = 24;

/** The same for programs elsewhere that make windows (exports/runners). */
export const windowRules = {
  least_side: leastSide,
  raster: defaultRaster,
  whole_share: wholeShare,
  overlap,
  least_tile: leastTile,
} as const;

/**
 * The square part of an image, [x0, y0, x1, y1] in whole pixels, that is looked at for a prompt: round its box, or round
 * its foreground clicks where it has none, moved inside the image and cut to it. `size` is the image's [height, width].
 */
export function windowOf(
  prompt: { readonly box?: Box | undefined; readonly points?: readonly Point[] | undefined },
  size: Size,
  zoom: Pick<Zoom, "context" | "click_side" | "raster">,
): Box {
  const [height, width] = size;
  const whole: Box = [0, 0, width, height];
  const extent = prompt.box ?? extentOf(prompt.points ?? []);
  if (!extent) return whole;
  const [x0, y0, x1, y1] = extent;
  const longer = Math.max(x1 - x0, y1 - y0) * zoom.context;
  const share = zoom.raster ?? defaultRaster;
  const side = steppedSide(prompt.box ? longer : Math.max(longer, zoom.click_side), 2 ** share);
  if (side >= wholeShare * width && side >= wholeShare * height) return whole;
  const raster = Math.max(1, Math.round(side * share));
  const [left, right] = span((x0 + x1) / 2, { side, raster, length: width });
  const [top, bottom] = span((y0 + y1) / 2, { side, raster, length: height });
  return [left, top, right, bottom];
}

/** Round the foreground clicks, or all of them where none is. */
function extentOf(points: readonly Point[]): Box | null {
  const foreground = points.filter(([, , label]) => label === 1);
  const some = foreground.length > 0 ? foreground : points;
  if (some.length === 0) return null;
  const [xs, ys] = [some.map(([x]) => x), some.map(([, y]) => y)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

const steppedSide = (side: number, step: number): number => {
  const steps = Math.ceil(Math.log(Math.max(1, side / leastSide)) / Math.log(step) - 1e-9);
  return Math.ceil(leastSide * step ** steps);
};

function span(
  middle: number,
  { side, raster, length }: { side: number; raster: number; length: number },
): [number, number] {
  if (side >= length) return [0, length];
  const from = Math.round((middle - side / 2) / raster) * raster;
  const start = Math.max(0, Math.min(length - side, from));
  return [start, start + side];
}

/** A window cut into `tiles` by `tiles` overlapping parts, row by row; fewer where they would be too small. */
export function tilesOf([x0, y0, x1, y1]: Box, tiles: number): Box[] {
  const columns = cut(x0, x1, tiles);
  return cut(y0, y1, tiles).flatMap(([top, bottom]) =>
    columns.map(([left, right]): Box => [left, top, right, bottom]),
  );
}

function cut(from: number, to: number, wanted: number): [number, number][] {
  const length = to - from;
  const count = Math.max(1, Math.min(wanted, Math.floor(length / leastTile)));
  // count tiles less the shared parts are the length.
  const side = Math.min(length, Math.ceil(length / (count - (count - 1) * overlap)));
  return Array.from({ length: count }, (_, i) => {
    const start = count === 1 ? from : from + Math.round((i * (length - side)) / (count - 1));
    return [start, start + side];
  });
}

/** The part of a box that lies in a region, counted from the region's top left; null where less than a pixel does. */
export function boxIn(box: Box, [left, top, right, bottom]: Box): Box | null {
  const [x0, x1] = [Math.max(box[0], left) - left, Math.min(box[2], right) - left];
  const [y0, y1] = [Math.max(box[1], top) - top, Math.min(box[3], bottom) - top];
  return x1 - x0 >= 1 && y1 - y0 >= 1 ? [x0, y0, x1, y1] : null;
}

/** The points that lie in a region, counted from its top left. */
export const pointsIn = (points: readonly Point[], [left, top, right, bottom]: Box): Point[] =>
  points
    .filter(([x, y]) => x >= left && x < right && y >= top && y < bottom)
    .map(([x, y, label]) => [x - left, y - top, label]);
