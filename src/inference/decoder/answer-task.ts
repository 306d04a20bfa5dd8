import { type Fit, fits } from "../../domain/model-family.ts";
import { type AreaLogits, nothing } from "../../imaging/area-logits.ts";
import { writeArea } from "../../imaging/area-masks.ts";
import { inputSize, lowResMeanOfPart, lowResSide } from "../../imaging/coordinates.ts";
import { shared } from "../../imaging/logits-source.ts";
import { joinedLogits, type RegionLogits } from "../../imaging/stitch.ts";
import { now } from "../../lib/clock.ts";
import { AppError } from "../../lib/errors.ts";
import { chosenTokens, isStable } from "./chosen-tokens.ts";
import { certain, maskPrompt } from "./mask-prompt.ts";
import { predictedMask } from "./predicted-mask.ts";
import { refinedLogits, refinedScore } from "../refine/refined-logits.ts";
import { regionMask } from "./region-mask.ts";
import { isWhole } from "../embedding/regions.ts";
import { decodeViews } from "./decode-views.ts";
import { type Decoded, plane } from "./run.ts";
import type { ViewRun } from "./run-view.ts";
import type { Size } from "../../imaging/types.ts";
import type { AnsweredMask, EncodedView, ViewPrompt, ViewResult, ViewTask } from "./view-task.ts";

/**
 * Prompts to masks, in the worker that calls it: every view decoded with all prompts in one run, their logits joined over
 * each prompt's window, refined by the image, and written at the image's size. Plain SAM is the task of one view that is
 * the whole image.
 */
export async function answerTask(task: ViewTask): Promise<ViewResult> {
  const startedAt = now();
  const { prompts, views } = task;
  const plain = !task.weights.dynamicMultimask && prompts.every(({ wish }) => wish.multimask === false);
  const wanted = plain ? "first" : "all";
  const { graph, threads, weights } = task;
  const asked = await Promise.all(
    views.map(async (view, v): Promise<ViewRun> => ({
      task: { graph, threads, weights, ...view },
      tokens: prompts.map((prompt) => prompt.tokens[v] as ViewPrompt["tokens"][number]),
      masks: graph.mask ? await givenMasks(task, view) : undefined,
      wanted,
      near: task.near,
    })),
  );
  const runs = await decodeViews(asked, threads);
  const decodedAt = now();
  const predictions = [];
  for (const [p, prompt] of prompts.entries())
    predictions.push({ masks: await answers(task, runs, p, prompt) });
  return {
    startedAt,
    decodeMs: decodedAt - startedAt,
    encodeMs: now() - decodedAt,
    predictions,
    prefixes: runs.map(({ prefix }) => prefix),
  };
}

/** Mask prompts as the decoder takes them for one view, [P, 256, 256]. */
async function givenMasks(
  { prompts, size, weights }: ViewTask,
  { region }: EncodedView,
): Promise<Float32Array> {
  const fit = fits[weights.family];
  const given = new Float32Array(prompts.length * plane);
  for (const [i, { index, mask }] of prompts.entries()) {
    if (!mask) throw new Error("a prompt without a mask was sent to a graph for masks");
    try {
      const own = isWhole(region, size) ? maskPrompt(mask, size, fit) : regionMask(mask, size, region, fit);
      given.set(await own, i * plane);
    } catch (error) {
      throw error instanceof AppError ? error.within(`prompts[${index}]`) : error;
    }
  }
  return given;
}

/** The masks of one prompt, the p-th of the task's. */
async function answers(
  task: ViewTask,
  runs: readonly Decoded[],
  p: number,
  prompt: ViewPrompt,
): Promise<AnsweredMask[]> {
  const each = runs[0]?.tokens ?? 0;
  const scores = Float32Array.from({ length: each }, (_, token) => {
    const sum = runs.reduce((total, run) => total + (run.scores[p * each + token] as number), 0);
    return sum / Math.max(1, runs.length);
  });
  const objectScore = objectScoreOf(runs, p);
  const out: AnsweredMask[] = [];
  const { family, dynamicMultimask } = task.weights;
  const viewsOf = (token: number): RegionLogits[] => {
    const at = p * each + token;
    return runs.map(({ logits }, v) => ({
      region: (task.views[v] as EncodedView).region,
      lowRes: logits.subarray(at * plane, (at + 1) * plane),
      fit: fits[family],
    }));
  };
  const { multimask } = prompt.wish;
  const givesWay =
    multimask === false && dynamicMultimask && !isStable(viewsOf(0).map(({ lowRes }) => lowRes));
  for (const token of chosenTokens(scores, givesWay ? "best" : multimask)) {
    const views = viewsOf(token);
    const mask = await answer(task, prompt, views, scores[token] as number);
    out.push(objectScore === undefined ? mask : { ...mask, objectScore });
  }
  return out;
}

/** The probability by the view that is surest of an object, for the others may see none of it. */
function objectScoreOf(runs: readonly Decoded[], p: number): number | undefined {
  const logits = runs.flatMap(({ objectScores }) => (objectScores ? [objectScores[p] as number] : []));
  return logits.length > 0 ? 1 / (1 + Math.exp(-Math.max(...logits))) : undefined;
}

async function answer(
  { size, refine, weights }: ViewTask,
  { window, box, wish }: ViewPrompt,
  views: readonly RegionLogits[],
  score: number,
): Promise<AnsweredMask> {
  const [only] = views;
  const fit = fits[weights.family];
  if (!refine && views.length === 1 && only) {
    const { lowRes, region } = only;
    const mask = await predictedMask(lowRes, score, { region, size, fit, ...wish });
    if (!wish.lowRes) return mask;
    if (isWhole(region, size)) return { ...mask, lowRes: shared(lowRes) };
  }
  // Low-res logits tell of doubtful pixels too.
  const threshold = wish.lowRes ? -certain : 0;
  const logits = refine
    ? await refinedLogits({ window, views }, refine, box)
    : joinedLogits(window, views, { threshold });
  const { mask, bbox, area } = await writeArea(logits, size, wish);
  const told = refine ? refinedScore(score, refine.settings) : score;
  const whole = { score: told, bbox, area, mask };
  if (!wish.lowRes) return whole;
  const elsewhere = only && isWhole(only.region, size) ? only.lowRes : unseen(size, fit);
  return { ...whole, lowRes: shared(inLowRes(logits, size, { elsewhere, fit })) };
}

/** In the whole image's frame, so that it fits any version as the next prompt's mask. */
const inLowRes = (
  logits: AreaLogits | null,
  size: Size,
  { elsewhere, fit }: { elsewhere: Float32Array; fit: Fit },
): Float32Array => (logits ? lowResMeanOfPart(logits.data, logits.area, size, elsewhere, fit) : elsewhere);

/** Low-res logits of an image in which nothing was looked at. */
function unseen(size: Size, fit: Fit): Float32Array {
  const [rows, columns] = inputSize(size, fit).map((side) => Math.ceil(side / 4)) as [number, number];
  const out = new Float32Array(lowResSide * lowResSide).fill(-certain);
  for (let y = 0; y < rows; y++) out.fill(nothing, y * lowResSide, y * lowResSide + columns);
  return out;
}
