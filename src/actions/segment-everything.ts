import { insertPrediction } from "../db/queries/predictions.ts";
import type { MaskFormat } from "../imaging/types.ts";
import { countPoints, planEverything, type PlannedCrop } from "../inference/everything/plan.ts";
import type { EverythingSettings } from "../domain/everything.ts";
import type { EverythingResult } from "../inference/everything/types.ts";
import { AppError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import type { Reservation } from "../lib/memory-budget.ts";
import { byDeadline } from "../lib/deadline.ts";
import { answerMs, everythingCost, mostText, tooLate } from "./answer-cost.ts";
import { resolveVersions, type VersionName } from "./asked-versions.ts";
import { mostMaskPixels } from "./check-prompts.ts";
import type { ActionContext, Ask } from "./context.ts";
import { type AskedImage, findImage, type FoundImage } from "./find-image.ts";

const hint = "Lower points_per_side or crop_n_layers, or ask for run lengths (format rle).";

export interface AskedEverything {
  readonly image: AskedImage;
  readonly version: VersionName | readonly VersionName[];
  readonly settings: EverythingSettings;
  readonly format: Exclude<MaskFormat, "logits">;
  /** Bytes of the request, where it told them. */
  readonly requestBytes: number | null;
}

export interface Segmented {
  readonly id: string;
  /** `id` is null for an image that is not stored. */
  readonly image: { readonly id: string | null; readonly sha256: string };
  readonly result: EverythingResult;
  /** Memory of the answer: to be released once it is sent. */
  readonly held: Reservation;
}

/**
 * Every object of an image, version by version, with an entry in the log of predictions.
 * Throws AppError too_many_prompts, answer_too_large, memory_exceeded, overloaded, and what resolveVersions, findImage, planEverything and
 * Inference.segmentEverything throw.
 */
export async function segmentEverything(
  context: ActionContext,
  ask: Ask,
  asked: AskedEverything,
): Promise<Segmented> {
  const { inference, config, memory } = context;
  const { scope, project, signal } = ask;
  const { settings, format } = asked;
  const { baseModel } = project;
  const points = countPoints(settings);
  checkPoints(points, 1, config.MAX_EVERYTHING_POINTS);
  const versions = await resolveVersions(context, scope, project, asked.version);
  checkPoints(points, versions.length, config.MAX_EVERYTHING_POINTS);
  const image = await findImage(context, scope, asked.image, { baseModel, signal });
  checkDrawn(planEverything(image.size, settings), settings, versions.length);
  const cost = everythingCost(points * versions.length, image.size, format);
  const what = { by: scope.workspaceId, what: "This answer", hint, param: "points_per_side", signal };
  const held = await memory.reserve(cost, what);
  try {
    const late = (): AppError => tooLate(hint);
    const result = await byDeadline(answerMs, { signal, late }, (inTime) =>
      inference.segmentEverything({
        workspaceId: scope.workspaceId,
        baseModel,
        image: { ...image.source, size: image.size },
        versions,
        settings,
        format,
        maxAnswerBytes: mostText(cost, config.MAX_ANSWER_BYTES),
        signal: inTime,
      }),
    );
    const id = newId("pred");
    await log(context, ask, { asked, id, image, result, points });
    return { id, image: { id: image.id, sha256: image.source.sha256 }, result, held };
  } catch (error) {
    held.release();
    throw error;
  }
}

/** Logs which point each mask came from, so that feedback on one can make it again. */
async function log(
  { db, metrics }: ActionContext,
  { scope, actor }: Ask,
  answered: {
    asked: AskedEverything;
    id: string;
    image: FoundImage;
    result: EverythingResult;
    points: number;
  },
): Promise<void> {
  const { asked, id, image, result, points } = answered;
  const masks = result.results.reduce((sum, { masks: found }) => sum + found.length, 0);
  for (const from of result.embeddingsFrom) metrics.embeddings.inc({ from });
  metrics.predictedMasks.inc(masks);
  await insertPrediction(db, {
    ...scope,
    id,
    imageSha256: image.source.sha256,
    width: result.width,
    height: result.height,
    versions: result.results.map(({ version }) => version),
    prompts: points,
    request: {
      format: asked.format,
      everything: asked.settings,
      found: result.results.flatMap(({ version, masks: all }) =>
        all.map(({ foundAt: { crop, point, token } }) => [version, crop, point, token] as const),
      ),
    },
    masks,
    requestBytes: asked.requestBytes,
    embeddingFrom: result.embeddingsFrom[0] ?? null,
    timingMs: { ...result.timingMs },
    actor,
  });
}

/** Throws AppError too_many_prompts: before anything is computed. */
function checkPoints(points: number, versions: number, limit: number): void {
  if (points * versions <= limit) return;
  const times = versions === 1 ? "" : `, ${versions} versions each`;
  const message =
    `${points} points over the image and its crops${times}; ${limit} in all are allowed (MAX_EVERYTHING_POINTS). ` +
    "Lower points_per_side or crop_n_layers, or raise crop_n_points_downscale_factor.";
  throw new AppError("too_many_prompts", message, { param: "points_per_side" });
}

/**
 * Throws AppError answer_too_large: before anything is computed. Only where every mask is drawn is it known how many there
 * will be; else the deadline bounds them.
 */
function checkDrawn(
  plan: readonly PlannedCrop[],
  { predIouThresh, stabilityScoreThresh }: EverythingSettings,
  versions: number,
): void {
  if (predIouThresh > 0 || stabilityScoreThresh > 0) return;
  const masks = 3 * versions * plan.reduce((sum, { points }) => sum + points.length, 0);
  const pixels =
    3 *
    versions *
    plan.reduce((sum, { crop: [x0, y0, x1, y1], points }) => sum + points.length * (x1 - x0) * (y1 - y0), 0);
  if (pixels <= mostMaskPixels) return;
  const message =
    `points_per_side: ${masks} masks of ${Math.round(pixels / 1e6)} million pixels together, as thresholds of 0 keep all of them; ` +
    `${mostMaskPixels / 1e6} million are drawn at most. Lower points_per_side, or give pred_iou_thresh.`;
  throw new AppError("answer_too_large", message, { param: "points_per_side" });
}
