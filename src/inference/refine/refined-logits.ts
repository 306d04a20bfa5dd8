import type { Refine } from "../../domain/focus.ts";
import type { AreaLogits } from "../../imaging/area-logits.ts";
import { refineRoom } from "../../imaging/refine-room.ts";
import type { Box } from "../../imaging/types.ts";
import { mostPixelsOf } from "../../imaging/working-size.ts";
import { refineArea } from "./refine.ts";
import { type Picture, type SeenWindow, workArea } from "./work-area.ts";

/** How masks are sharpened, and by which pixels. */
export interface RefineBy extends Picture {
  readonly settings: Refine;
}

/**
 * The logits of a prompt's window, joined from its views and refined by the image below them (refine.ts), where any pixel
 * may be foreground; null where none may be. `box` is the prompt's, in pixels of the image. Throws what refineArea throws.
 */
export async function refinedLogits(
  seen: SeenWindow,
  refine: RefineBy,
  box: Box | null,
): Promise<AreaLogits | null> {
  const { settings } = refine;
  const work = workArea(seen, refine, { room: refineRoom(settings), most: mostPixelsOf(settings) });
  if (!work) return null;
  return work.inImage(await refineArea({ ...work, box: box && work.boxIn(box), refine: settings }));
}

/** An IoU prediction for a mask that was refined, in [0, 1], from that for the mask as it was. */
export const refinedScore = (score: number, refine: Refine): number =>
  "point_head" in refine ? Math.max(0, Math.min(1, score + refine.point_head.score_shift)) : score;
