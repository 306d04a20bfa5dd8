import type { Prediction } from "../db/queries/predictions.ts";
import type { Project } from "../db/queries/projects.ts";
import type { LoggedPrompt } from "../domain/prompts.ts";
import type { RleMask, Size } from "../imaging/types.ts";
import { planEverything } from "../inference/everything/plan.ts";
import type { EverythingSettings } from "../domain/everything.ts";
import type { FoundAt } from "../inference/everything/types.ts";
import { refsOf } from "./asked-versions.ts";
import { type MaskPlace, sourceOf, unknownMask } from "./earlier-masks.ts";
import type { ActionContext } from "./context.ts";

/** One mask of a logged segment-everything. */
export interface FoundMask {
  readonly place: MaskPlace;
  readonly foundAt: FoundAt;
  readonly settings: EverythingSettings;
  /** [height, width] of the image. */
  readonly size: Size;
}

/** Whether the log entry is of segment-everything, whose masks nobody has prompted for. */
export const isEverything = ({ request }: Prediction): boolean => request.everything !== undefined;

/**
 * The mask at a place of the answer, counted through its versions. Throws AppError prediction_mask_unknown, also where
 * another version is named than the mask's.
 */
export function requireFound(
  row: Prediction,
  { place, mask, version }: { place: number; mask: number; version: number | undefined },
): FoundMask {
  const { everything, found } = row.request;
  if (!everything || !found || row.height === null || row.width === null)
    throw unknownMask("it is not known which points the masks came from");
  const at = found[place];
  if (!at) throw unknownMask(`there are ${found.length} masks, no number ${place}`);
  const [by, crop, point, token] = at;
  if (mask !== 0) throw unknownMask("each mask stands for itself: mask_index is 0");
  if (version !== undefined && version !== by)
    throw unknownMask(`mask ${place} is ${by === 0 ? "the base" : `version ${by}`}'s`);
  return {
    place: { version: by, prompt: place, mask },
    foundAt: { crop, point, token },
    // Written by this server, from settings that it had checked.
    settings: everything as EverythingSettings,
    size: [row.height, row.width],
  };
}

/** The point of the grid that the mask was found by. */
export function promptOf({ size, settings, foundAt }: FoundMask): LoggedPrompt {
  const planned = planEverything(size, settings)[foundAt.crop];
  const point = planned?.points[foundAt.point];
  if (!planned || !point) throw new Error("a logged mask's point is not in its plan");
  return { points: [[point[0] + planned.crop[0], point[1] + planned.crop[1], 1]], grid: true };
}

/**
 * The mask once more, by its point alone: the same image, weights and point give the same mask.
 * Throws AppError image_handle_unknown, version_not_found.
 */
export async function segmentAgain(
  context: Pick<ActionContext, "db" | "store" | "inference" | "known">,
  project: Project,
  row: Prediction,
  { place, foundAt, settings, size }: FoundMask,
): Promise<RleMask> {
  const scope = { workspaceId: project.workspaceId, projectId: project.id };
  const { results } = await context.inference.segmentEverything({
    workspaceId: project.workspaceId,
    baseModel: project.baseModel,
    image: { ...(await sourceOf(context, scope, row)), size },
    versions: await refsOf(context, scope, [place.version]),
    settings,
    format: "rle",
    maxAnswerBytes: Number.POSITIVE_INFINITY,
    only: foundAt,
  });
  const mask = results[0]?.masks[0]?.mask;
  if (mask?.format !== "rle") throw unknownMask(`mask ${place.prompt} can't be made again`);
  return mask;
}
