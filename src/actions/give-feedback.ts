import { insertAnnotation } from "../db/queries/annotations.ts";
import { type Feedback, insertFeedback, withdrawFeedback } from "../db/queries/feedback.ts";
import { findImageByHash, holdImage, type Image, setSplitGroup } from "../db/queries/images.ts";
import { getPrediction, type Prediction } from "../db/queries/predictions.ts";
import { holdProject, type Project } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import type { FeedbackAction } from "../domain/feedback.ts";
import type { KeptMask } from "../imaging/kept-mask.ts";
import type { RleMask, WireMask } from "../imaging/types.ts";
import { AppError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import type { ActionContext, Ask } from "./context.ts";
import { type Made, maskAgain, type MaskPlace, requirePlace } from "./earlier-masks.ts";
import { isEverything, promptOf, requireFound, segmentAgain } from "./found-masks.ts";

export interface SaidFeedback {
  readonly predictionId: string;
  readonly action: FeedbackAction;
  /** Place of the prompt in the request; where nothing was prompted, place of the mask in the answer. */
  readonly promptIndex: number;
  /** 0 is the base; left out, the first that answered, or the mask's own. */
  readonly version: number | undefined;
  /** Place among the prompt's masks. */
  readonly maskIndex: number;
  /** What the mask should have been; only with the action `correct`. */
  readonly mask: WireMask | undefined;
  /** Left out, that of a found object, else none. */
  readonly label: string | null | undefined;
  /** Sets the image's split group. */
  readonly group: string | undefined;
}

/**
 * Stores what was said of a logged prediction's mask; an accepted or corrected one becomes an annotation of its image. What
 * was said before of the same prompt no longer counts; where objects were found, what was said of the same object.
 * Throws AppError prediction_not_found, prediction_mask_unknown, feedback_mask_missing, feedback_image_not_stored, mask_empty,
 * invalid_request (param `mask`), and what predictAgain, segmentAgain and MaskReader.keep throw.
 */
export async function giveFeedback(context: ActionContext, ask: Ask, said: SaidFeedback): Promise<Feedback> {
  const { scope, actor } = ask;
  const row = await getPrediction(context.db, scope, said.predictionId);
  const { place, prompt, label, found, again } = spokenOf(context, ask.project, row, said);
  const truth = await truthOf(context, scope, row, said, again);
  return context.db.transaction(async (tx) => {
    await holdProject(tx, scope);
    const at = { predictionId: row.id, promptIndex: place.prompt };
    // Each found object is judged by itself; of a drawn prompt's masks one is right at most.
    const mask = found ? { version: place.version, maskIndex: place.mask } : undefined;
    await withdrawFeedback(tx, scope, { ...at, mask });
    let annotationId: string | null = null;
    if (truth) {
      const { image, kept } = truth;
      await holdImage(tx, scope, image.id);
      if (said.group !== undefined) await setSplitGroup(tx, scope, image.id, said.group);
      annotationId = newId("ann");
      await insertAnnotation(tx, {
        ...scope,
        id: annotationId,
        imageId: image.id,
        counts: kept.counts,
        area: kept.area,
        box: [...kept.box] as [number, number, number, number],
        label: said.label === undefined ? label : said.label,
        source: "feedback",
        lineage: { action: truth.action, predictionId: row.id, version: place.version, prompt },
      });
    }
    return insertFeedback(tx, {
      ...scope,
      ...at,
      id: newId("fb"),
      maskIndex: place.mask,
      version: place.version,
      action: said.action,
      prompt,
      iou: truth?.iou ?? null,
      annotationId,
      actor,
    });
  });
}

interface Truth {
  readonly action: "accept" | "correct";
  readonly image: Image;
  readonly kept: KeptMask;
  readonly iou: number | null;
}

/** The mask that becomes an annotation; null for a rejection. */
async function truthOf(
  { db, masks }: ActionContext,
  scope: ProjectScope,
  row: Prediction,
  { action, mask }: SaidFeedback,
  again: Spoken["again"],
): Promise<Truth | null> {
  if (mask && action !== "correct") {
    throw new AppError("invalid_request", "mask: only with the action correct.", { param: "mask" });
  }
  if (action === "reject") return null;
  const image = await findImageByHash(db, scope, row.imageSha256);
  if (!image) {
    throw new AppError(
      "feedback_image_not_stored",
      "The prediction's image is not stored in this project; upload it, then give the feedback again.",
    );
  }
  if (action === "accept") {
    const predicted = await again();
    try {
      const kept = await masks.keep({ wire: predicted, size: predicted.size }, scope.workspaceId);
      return { action, image, kept, iou: 1 };
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "mask_empty") throw error;
      throw new AppError("mask_empty", "The predicted mask is empty; reject it, or correct it.");
    }
  }
  if (!mask) {
    throw new AppError("feedback_mask_missing", "mask: a correction needs the mask as it should be.", {
      param: "mask",
    });
  }
  const size: [number, number] = [image.height, image.width];
  const kept = await masks.keep({ wire: mask, size }, scope.workspaceId);
  const before = await again().catch((error: unknown) => {
    // The correction is worth as much without knowing how wrong the prediction was.
    if (error instanceof AppError && error.status < 500) return null;
    throw error;
  });
  const own: RleMask = { format: "rle", size, counts: kept.counts };
  return { action, image, kept, iou: before && (await masks.iou(before, own)) };
}

/** Which mask is spoken of, what had asked for it, and how to have it once more. */
interface Spoken extends Made {
  readonly place: MaskPlace;
  readonly again: () => Promise<RleMask>;
}

/** Throws AppError prediction_mask_unknown. */
function spokenOf(context: ActionContext, project: Project, row: Prediction, said: SaidFeedback): Spoken {
  const { version, promptIndex, maskIndex: mask } = said;
  if (isEverything(row)) {
    const found = requireFound(row, { place: promptIndex, mask, version });
    const again = () => segmentAgain(context, project, row, found);
    return { place: found.place, prompt: promptOf(found), label: null, found: null, again };
  }
  const place = { version: version ?? row.versions[0] ?? 0, prompt: promptIndex, mask };
  const again = () => maskAgain(context, project, row, place);
  return { place, ...requirePlace(row, place), again };
}
