import { LRUCache } from "lru-cache";

import { activeArea } from "../imaging/active-area.ts";
import type { AreaLogits } from "../imaging/area-logits.ts";
import { cropImage, cropPlane } from "../imaging/crop.ts";
import { resizeBilinear } from "../imaging/resize.ts";
import { resizedArea } from "../imaging/resize-plane.ts";
import { joinedLogits, type RegionLogits, scaledLogits, sizeOf } from "../imaging/stitch.ts";
import type { Box, RgbImage, Size } from "../imaging/types.ts";
import { faintLogit } from "../lib/faint.ts";
import type { Refine } from "../domain/focus.ts";
import { refineArea } from "./refine.ts";
import { refineRoom } from "../imaging/refine-room.ts";
import type { RefineBy } from "./view-task.ts";
import { workingSize } from "../imaging/working-size.ts";

/**
 * The logits of a prompt's window, joined from its views and refined by the image below them (refine.ts), where any pixel
 * may be foreground; null where none may be.
 */
export async function refinedLogits(task: {
  window: Box;
  views: readonly RegionLogits[];
  box: Box | null;
  refine: RefineBy;
  threads: number;
}): Promise<AreaLogits | null> {
  const { window, views, box, refine, threads } = task;
  const size = sizeOf(window);
  const working = workingSize(size);
  const scaled = working[0] !== size[0] || working[1] !== size[1];
  const reach = { threshold: faintLogit, room: refineRoom(refine.settings) };
  const wide = scaled ? atScale(window, views, working, reach) : joinedLogits(window, views, reach);
  const found = wide && tightened(wide, reach.room);
  if (!found) return null;
  const { area } = found;
  const guide = scaled
    ? cropImage(scaledGuide(refine, window, working), area)
    : cropImage(refine.image, area);
  const [across, down] = [working[1] / size[1], working[0] / size[0]];
  const [left, top] = scaled ? [window[0] + area[0] / across, window[1] + area[1] / down] : area;
  const own: Box | null = box && [
    (box[0] - left) * across,
    (box[1] - top) * down,
    (box[2] - left) * across,
    (box[3] - top) * down,
  ];
  const data = await refineArea({
    logits: found.data,
    size: sizeOf(area),
    guide,
    box: own,
    refine: refine.settings,
    threads,
  });
  return scaled ? resizedArea({ area, data }, working, window) : { area, data };
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

/** An IoU prediction for a mask that was refined, in [0, 1], from that for the mask as it was. */
export const refinedScore = (score: number, refine: Refine): number =>
  "point_head" in refine ? Math.max(0, Math.min(1, score + refine.point_head.score_shift)) : score;

/** The area counts from the window's top left, in pixels of the working scale. */
function atScale(
  window: Box,
  views: readonly RegionLogits[],
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

function scaledGuide({ image, sha256 }: RefineBy, window: Box, working: Size): RgbImage {
  const key = `${sha256} ${window.join()}`;
  const kept = guides.get(key);
  if (kept) return kept;
  const made = resizeBilinear(cropImage(image, window), working[1], working[0]);
  guides.set(key, made);
  return made;
}
