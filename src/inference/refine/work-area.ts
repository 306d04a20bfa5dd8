import { LRUCache } from "lru-cache";
import { activeArea } from "../../imaging/active-area.ts";
import type { AreaLogits } from "../../imaging/area-logits.ts";
import { cropImage, cropPlane } from "../../imaging/crop.ts";
import { resizeBilinear } from "../../imaging/resize.ts";
import { resizedArea } from "../../imaging/resize-plane.ts";
import { joinedLogits, type RegionLogits, scaledLogits, sizeOf } from "../../imaging/stitch.ts";
import type { Box, RgbImage, Size } from "../../imaging/types.ts";
import { sizeOfFewer, workingSize } from "../../imaging/working-size.ts";
import { faintLogit } from "../../lib/faint.ts";

/** What the views of a prompt's window say. */
export interface SeenWindow {
  /** [x0, y0, x1, y1] in whole pixels of the image. */
  readonly window: Box;
  /** They cover it together. */
  readonly views: readonly RegionLogits[];
}

/** A whole image, and the SHA-256 of its bytes. */
export interface Picture {
  readonly image: RgbImage;
  readonly sha256: string;
}

/** The part of a window that may be foreground, with room, at the scale that is worked at. */
export interface WorkArea {
  /** [height, width] of the whole window at that scale. */
  readonly working: Size;
  /** The area in these pixels, from the window's top left. */
  readonly area: Box;
  /** [height, width] of the area. */
  readonly size: Size;
  /** Row-major, of the area; and the image below it. */
  readonly logits: Float32Array;
  readonly guide: RgbImage;
  /** A box of the image, in pixels of the area. */
  readonly boxIn: (box: Box) => Box;
  /** Other logits of the area, at the image's own scale. */
  readonly inImage: (logits: Float32Array) => AreaLogits;
}

/**
 * What is refined of a window: where any pixel may be foreground, joined from its views, with `room` pixels round it, and
 * `most` pixels in all; null where none may be. Serving, training and evaluation all work on this area.
 */
export function workArea(
  seen: SeenWindow,
  picture: Picture,
  { room, most }: { room: number; most: number },
): WorkArea | null {
  const { window } = seen;
  const own = sizeOf(window);
  const first = found(seen, workingSize(own), room);
  if (!first) return null;
  const fewer = sizeOfFewer(first.working, first.logits.data.length, most);
  const same = fewer[0] === first.working[0] && fewer[1] === first.working[1];
  const work = same ? first : found(seen, fewer, room);
  if (!work) return null;
  const { working, logits } = work;
  const scaled = isScaled(working, own);
  const [left, top] = window;
  const inWindow: Box = scaled
    ? logits.area
    : [logits.area[0] - left, logits.area[1] - top, logits.area[2] - left, logits.area[3] - top];
  const [down, across] = [working[0] / own[0], working[1] / own[1]];
  return {
    working,
    area: inWindow,
    size: sizeOf(inWindow),
    logits: logits.data,
    guide: scaled
      ? cropImage(scaledGuide(picture, window, working), inWindow)
      : cropImage(picture.image, logits.area),
    boxIn: ([x0, y0, x1, y1]) => [
      (x0 - left) * across - inWindow[0],
      (y0 - top) * down - inWindow[1],
      (x1 - left) * across - inWindow[0],
      (y1 - top) * down - inWindow[1],
    ],
    inImage: (data) =>
      scaled ? resizedArea({ area: inWindow, data }, working, window) : { area: logits.area, data },
  };
}

const isScaled = (working: Size, own: Size): boolean => working[0] !== own[0] || working[1] !== own[1];

/** What may be foreground at some scale, with its room: in pixels of the image where that is the scale, else of the window. */
function found(seen: SeenWindow, working: Size, room: number): { working: Size; logits: AreaLogits } | null {
  const reach = { threshold: faintLogit, room };
  const wide = isScaled(working, sizeOf(seen.window))
    ? atScale(seen, working, reach)
    : joinedLogits(seen.window, seen.views, reach);
  const logits = wide && tightened(wide, room);
  return logits && { working, logits };
}

/**
 * The same with just the room that is asked for: low-res logits say where pixels may be foreground to within a few, and
 * what a refinement takes for the surroundings should not hang on that.
 */
function tightened({ area, data }: AreaLogits, room: number): AreaLogits | null {
  const active = activeArea(data, sizeOf(area), room);
  if (!active) return null;
  const [x0, y0, x1, y1] = active;
  const own: Box = [area[0] + x0, area[1] + y0, area[0] + x1, area[1] + y1];
  return { area: own, data: cropPlane(data, sizeOf(area), active) };
}

/** The area counts from the window's top left, in pixels of the working scale. */
function atScale(
  { window, views }: SeenWindow,
  working: Size,
  reach: { threshold: number; room: number },
): AreaLogits | null {
  const [only] = views;
  if (views.length === 1 && only && only.region.every((edge, i) => edge === window[i]))
    return scaledLogits(only, working, reach);
  const joined = joinedLogits(window, views, reach);
  return joined && shrunk(joined, window, working);
}

/** Large windows in tiles: joined at the image's scale first, as tiles don't lie on whole pixels of a smaller one. */
function shrunk({ area, data }: AreaLogits, window: Box, working: Size): AreaLogits {
  const relative: Box = [area[0] - window[0], area[1] - window[1], area[2] - window[0], area[3] - window[1]];
  return resizedArea({ area: relative, data }, sizeOf(window), [0, 0, working[1], working[0]]);
}

/** The pixels below large windows at the working scale, 3 MB each: prompts on one image share them. */
const guides = new LRUCache<string, RgbImage>({ max: 8 });

function scaledGuide({ image, sha256 }: Picture, window: Box, working: Size): RgbImage {
  const key = `${sha256} ${window.join()} ${working.join()}`;
  const kept = guides.get(key);
  if (kept) return kept;
  const made = resizeBilinear(cropImage(image, window), working[1], working[0]);
  guides.set(key, made);
  return made;
}
