import { isPlain } from "../domain/focus.ts";
import type { MaskFormat } from "../imaging/types.ts";
import type { PredictResult } from "../inference/types.ts";
import { newId } from "../lib/ids.ts";
import type { Reservation } from "../lib/memory-budget.ts";
import { answerCost, mostText } from "./answer-cost.ts";
import { resolveVersions, type VersionName } from "./asked-versions.ts";
import { checkAmounts, checkAnswer, checkGeometry, masksOf } from "./check-prompts.ts";
import type { ActionContext, Ask } from "./context.ts";
import { keepLowRes, keepsLowRes } from "./earlier-masks.ts";
import { type AskedImage, findImage } from "./find-image.ts";
import { whileLogged } from "./logged.ts";
import { type AskedPrompt, readPrompts } from "./read-prompts.ts";

const hint = "Ask for fewer prompts or versions at a time, or for run lengths (format rle).";

export interface AskedPrediction {
  readonly image: AskedImage;
  readonly prompts: readonly AskedPrompt[];
  readonly version: VersionName | readonly VersionName[];
  readonly multimask: boolean | "best";
  readonly format: MaskFormat;
  /** Pixels that a corner left out of a polygon may lie from its edge. */
  readonly polygonTolerance: number;
  /** Bytes of the request, where it told them. */
  readonly requestBytes: number | null;
}

export interface Predicted {
  readonly id: string;
  /** `id` is null for an image that is not stored. */
  readonly image: { readonly id: string | null; readonly sha256: string };
  readonly result: PredictResult;
  /** Memory of the answer: to be released once it is sent. */
  readonly held: Reservation;
  /** Closes the entry in the log of predictions. `answerBytes`: of the answer as it is sent. */
  finish(answerBytes: number): Promise<void>;
}

/**
 * Masks of the prompted objects, version by version, with an entry in the log of predictions.
 * Throws what checkAmounts, resolveVersions, findImage, checkGeometry, checkAnswer, readPrompts and Inference.predict
 * throw, and AppError memory_exceeded, overloaded.
 */
export async function predict(context: ActionContext, ask: Ask, asked: AskedPrediction): Promise<Predicted> {
  const { config, known, memory } = context;
  const { scope, project, signal } = ask;
  checkAmounts(asked.prompts, config.MAX_PROMPTS);
  const versions = await resolveVersions(context, scope, project, asked.version);
  const looking = { baseModel: project.baseModel, signal, known };
  const image = await findImage(context, scope, asked.image, looking);
  checkGeometry(asked.prompts, image.size);
  checkAnswer(asked, { versions: versions.length, size: image.size, limit: config.MAX_ANSWER_BYTES });
  const prompts = await readPrompts(context, project, asked.prompts, image);
  const cost = answerCost({
    format: asked.format,
    masks: masksOf(asked, versions.length),
    size: image.size,
    closer: versions.some(({ focus }) => focus && !isPlain(focus)),
  });
  const what = { by: scope.workspaceId, what: "This answer", hint, param: "prompts", signal };
  const held = await memory.reserve(cost, what);
  try {
    return { held, ...(await answer(context, ask, asked, { versions, image, prompts, cost })) };
  } catch (error) {
    held.release();
    throw error;
  }
}

interface Prepared {
  readonly versions: Awaited<ReturnType<typeof resolveVersions>>;
  readonly image: Awaited<ReturnType<typeof findImage>>;
  readonly prompts: Awaited<ReturnType<typeof readPrompts>>;
  /** Bytes. */
  readonly cost: number;
}

/** Decodes while the entry in the log is written. */
async function answer(
  { inference, config, metrics, predictionLog, recentMasks }: ActionContext,
  { scope, project, actor, signal }: Ask,
  asked: AskedPrediction,
  { versions, image, prompts, cost }: Prepared,
): Promise<Omit<Predicted, "held">> {
  const { multimask, format } = asked;
  const lowRes = keepsLowRes(asked, versions.length);
  const id = newId("pred");
  const row = {
    ...scope,
    id,
    imageSha256: image.source.sha256,
    height: image.size[0],
    width: image.size[1],
    versions: versions.map(({ number }) => number),
    prompts: asked.prompts.length,
    request: { prompts: prompts.logged, multimask, format },
    requestBytes: asked.requestBytes,
    actor,
  };
  const entry = predictionLog.open(row, image.id);
  const result = await whileLogged(entry, image.id, async () =>
    inference.predict({
      workspaceId: scope.workspaceId,
      baseModel: project.baseModel,
      image: image.source,
      size: image.size,
      versions,
      prompts: prompts.asked,
      multimask,
      format,
      polygonTolerance: asked.polygonTolerance,
      lowRes,
      maxAnswerText: mostText(cost, config.MAX_ANSWER_BYTES),
      signal,
    }),
  );
  if (lowRes) keepLowRes(recentMasks, id, result);
  const { embeddingFrom, timingMs } = result;
  const masks = result.results.flatMap((one) => one.predictions.flatMap((each) => each.masks)).length;
  metrics.embeddings.inc({ from: embeddingFrom });
  metrics.predictedMasks.inc(masks);
  return {
    id,
    image: { id: image.id, sha256: image.source.sha256 },
    result,
    finish: (answerBytes) => entry.finish({ masks, answerBytes, embeddingFrom, timingMs: { ...timingMs } }),
  };
}
