import { isPlain } from "../domain/focus.ts";
import type { LoggedPrompt } from "../domain/prompts.ts";
import type { OpenPrediction } from "../db/prediction-log.ts";
import { requireFinder } from "../db/queries/versions.ts";
import type { MaskFormat, Size } from "../imaging/types.ts";
import type { VersionRef } from "../inference/types.ts";
import { byDeadline } from "../lib/deadline.ts";
import type { AppError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import type { Reservation } from "../lib/memory-budget.ts";
import { answerCost, answerMs, everythingCost, mostText, tooLate } from "./answer-cost.ts";
import { type Answered, answerPrompts, type Question } from "./answer-prompts.ts";
import { resolveVersions, type VersionName } from "./asked-versions.ts";
import {
  checkAmounts,
  checkAnswer,
  checkFinds,
  type Clipped,
  clipPrompts,
  masksOf,
  placesOf,
} from "./check-prompts.ts";
import type { ActionContext, Ask } from "./context.ts";
import { keepLowRes, keepsLowRes } from "./earlier-masks.ts";
import { type AskedImage, findImage } from "./find-image.ts";
import { findsOf } from "./find-asks.ts";
import { likesOf } from "./like-asks.ts";
import type { AnsweredPrompts } from "./find-objects.ts";
import { whileLogged } from "./logged.ts";
import type { AskedPrompt } from "./asked-prompt.ts";
import { readPrompts } from "./read-prompts.ts";

const hint = "Ask for fewer prompts or versions at a time, or for run lengths (format rle).";

export interface AskedPrediction {
  readonly image: AskedImage;
  readonly prompts: readonly AskedPrompt[];
  /** All labels' objects, beside what the prompts ask for. */
  readonly find: boolean;
  /** Whether drawn prompts' masks say which of the version's labels they show. */
  readonly labels: boolean;
  /** Label scores from which objects are answered with, in [0, 1]; left out, each finder's own. */
  readonly findThreshold: number | undefined;
  /** Objects at most for each label that is asked for, and for all of them. */
  readonly maxObjects: number;
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
  readonly result: AnsweredPrompts;
  /** What of the prompts reached over the image's edge. */
  readonly clipped: readonly Clipped[];
  /** Memory of the answer: to be released once it is sent. */
  readonly held: Reservation;
  /** Closes the entry in the log of predictions. `answerBytes`: of the answer as it is sent. */
  finish(answerBytes: number): Promise<void>;
}

/**
 * Masks of the prompted objects, version by version, with an entry in the log of predictions.
 * Throws what checkAmounts, resolveVersions, checkFinds, findsOf, findImage, clipPrompts, likesOf, checkAnswer,
 * readPrompts, Inference.predict, Inference.find and Inference.findLike throw, and AppError memory_exceeded, overloaded.
 */
export async function predict(context: ActionContext, ask: Ask, given: AskedPrediction): Promise<Predicted> {
  const { config, known, memory } = context;
  const { scope, project, signal } = ask;
  checkAmounts(given.prompts, config.MAX_PROMPTS, given.find);
  const versions = await resolveVersions(context, scope, project, given.version);
  checkFinds(given, versions.length, config.MAX_EVERYTHING_POINTS);
  // What is named wrongly is told before an image is looked for.
  findsOf(given, versions);
  if (given.labels) for (const version of versions) requireFinder(version);
  const looking = { baseModel: project.baseModel, signal, known };
  const image = await findImage(context, scope, given.image, looking);
  const { clipped, ...onImage } = clipPrompts(given.prompts, image.size);
  const asked = { ...given, ...onImage };
  const finds = findsOf(asked, versions);
  const likes = await likesOf(context, scope, asked.prompts);
  checkAnswer(asked, { versions: versions.length, size: image.size, limit: config.MAX_ANSWER_BYTES });
  const prompts = await readPrompts(context, project, asked.prompts, image);
  const cost = costOf(asked, versions, image.size);
  const what = { by: scope.workspaceId, what: "This answer", hint, param: "prompts", signal };
  const held = await memory.reserve(cost, what);
  try {
    const late = (): AppError => tooLate(hint);
    const made = await byDeadline(answerMs, { signal, late }, (inTime) =>
      answer(context, { ...ask, signal: inTime }, asked, { versions, finds, likes, image, prompts, cost }),
    );
    return { held, clipped, ...made };
  } catch (error) {
    held.release();
    throw error;
  }
}

/** Bytes. */
function costOf(asked: AskedPrediction, versions: readonly VersionRef[], size: Size): number {
  const { format } = asked;
  const { drawn, found: answered } = masksOf(asked, versions.length);
  // One prompt's places are decoded at a time, which may be more than are answered with.
  const found = Math.max(answered, placesOf(asked).places);
  const closer = versions.some(({ focus }) => focus && !isPlain(focus));
  const ofDrawn = answerCost({ format, masks: drawn, size, closer });
  return found === 0 || format === "logits" ? ofDrawn : ofDrawn + everythingCost(found, size, format);
}

interface Prepared extends Question {
  /** Bytes. */
  readonly cost: number;
}

/** Decodes while the entry in the log is written; of found objects it holds the places, so that it comes after them. */
async function answer(
  context: ActionContext,
  ask: Ask,
  asked: AskedPrediction,
  prepared: Prepared,
): Promise<Omit<Predicted, "held" | "clipped">> {
  const { metrics, predictionLog, recentMasks, config } = context;
  const { versions, finds, likes, image, prompts, cost } = prepared;
  const { multimask, format } = asked;
  const lowRes = keepsLowRes({ prompts: prompts.asked, multimask }, versions.length);
  const id = newId("pred");
  const open = (logged: readonly LoggedPrompt[]): OpenPrediction => {
    const row = {
      ...ask.scope,
      id,
      imageSha256: image.source.sha256,
      height: image.size[0],
      width: image.size[1],
      versions: versions.map(({ number }) => number),
      prompts: logged.length,
      request: { prompts: [...logged], multimask, format },
      requestBytes: asked.requestBytes,
      actor: ask.actor,
    };
    return predictionLog.open(row, image.id);
  };
  const wish = { ...asked, lowRes, mostText: mostText(cost, config.MAX_ANSWER_BYTES) };
  const make = async (): Promise<Answered> => answerPrompts(context, ask, prepared, wish);
  const made = finds || likes ? await make() : null;
  const entry = open(made?.logged ?? prompts.logged);
  const { result } = await whileLogged(entry, image.id, async () => made ?? make());
  if (lowRes) keepLowRes(recentMasks, id, result);
  const { embeddingFrom, timingMs } = result;
  const masks = countMasks(result);
  metrics.embeddings.inc({ from: embeddingFrom });
  metrics.predictedMasks.inc(masks);
  return {
    id,
    image: { id: image.id, sha256: image.source.sha256 },
    result,
    finish: (answerBytes) => entry.finish({ masks, answerBytes, embeddingFrom, timingMs: { ...timingMs } }),
  };
}

const countMasks = ({ results }: AnsweredPrompts): number =>
  results
    .flatMap(({ predictions, found }) => [...predictions, ...(found ? [found] : [])])
    .reduce((sum, { masks }) => sum + masks.length, 0);
