import { setImmediate as nextTurn } from "node:timers/promises";
import { type PointHead, writeHead } from "../../imaging/points/head.ts";
import type { RgbImage } from "../../imaging/types.ts";
import { joinedLogits } from "../../imaging/stitch.ts";
import { refinedLogits } from "../../inference/refine/refined-logits.ts";
import type { PointHeadSettings } from "../../domain/focus.ts";
import { truthOf, type Sample, type SampleImage } from "../data/samples.ts";
import { foldsFor } from "../data/folds.ts";
import { areaIou, type WindowLogits } from "../evaluation/scores.ts";
import { fitHead } from "./fit-head.ts";
import { type PointSet, pointSet } from "./point-set.ts";

/** Pixels of all answers together, and of one at least. */
const [pixelsInAll, pixelsOfOne] = [160_000, 300];
/** Pixels of one mask that a head judges: what bounds its time, and more than most masks have that are not certain. */
export const mostPoints = 32_768;
/** Mean IoU that a head has to bring before masks depend on it. */
const worthIt = 0.01;

/** What heads made of answers to samples whose groups they had not seen. */
export interface HeadScores {
  readonly samples: number;
  /** Mean IoU of the answers as they are, and after the head. */
  readonly plainIou: number;
  readonly iou: number;
}

export interface HeadChoice {
  /** Trained on all answers; null where there is nothing to train on. */
  readonly refine: PointHeadSettings | null;
  /** Null where there is but one group, so that nothing could judge. */
  readonly all: HeadScores | null;
  /** On the samples that the decoder was not trained on either; on all where it was trained on all. */
  readonly fresh: HeadScores | null;
  readonly worthIt: boolean;
}

export interface HeadOptions {
  readonly pixelsOf: (image: SampleImage) => Promise<RgbImage>;
  readonly groupOf: (sample: Sample) => string;
  /** Whether the decoder was trained without it. */
  readonly isFresh: (sample: Sample) => boolean;
  /** Pixels at most of the area that a head sees; left out, as many as there are. */
  readonly mostPixels?: number | undefined;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/**
 * A point head for a decoder's answers, and whether it pays: two heads, each trained on half of the groups, judge the
 * other half. Answers to samples that the decoder was trained on are better than any that callers will get, so a head
 * has to bring enough on the others, and only not to lose on those. What is given is trained on all.
 */
export async function chooseHead(
  answers: readonly WindowLogits[],
  options: HeadOptions,
): Promise<HeadChoice> {
  const { pixelsOf, groupOf, isFresh, mostPixels, seed, signal } = options;
  const bounds = { mostPoints, mostPixels };
  const sets = await pointSetsOf(answers, options);
  if (sets.size === 0) return { refine: null, all: null, fresh: null, worthIt: false };
  const fit = (some: (answer: WindowLogits) => boolean): Promise<PointHead> =>
    fitHead(
      [...sets].flatMap(([answer, set]) => (some(answer) ? [set] : [])),
      { seed, signal },
    );
  const folds = foldsFor(
    [...sets.keys()].map(({ sample }) => sample),
    groupOf,
    seed,
  );
  const head = await fit(() => true);
  if (!folds) return { refine: writeHead(head, bounds), all: null, fresh: null, worthIt: false };

  const judged: Judged[] = [];
  for (const half of folds.halves) {
    const own = new Set(half);
    const other = writeHead(await fit(({ sample }) => !own.has(sample)), bounds);
    for (const answer of sets.keys()) {
      if (!own.has(answer.sample)) continue;
      signal.throwIfAborted();
      const image = await pixelsOf(answer.sample.image);
      judged.push({ ...answer, ...(await beforeAndAfter(answer, image, other)) });
      await nextTurn();
    }
  }
  const [all, some] = [scoresOf(judged), judged.filter(({ sample }) => isFresh(sample))];
  const fresh = some.length > 0 ? scoresOf(some) : all;
  // Masks are better than the decoder says of its own, by about as much in every answer.
  const shift = judged.reduce((sum, { sharp, predictedIou }) => sum + sharp - inUnit(predictedIou), 0);
  const refine = writeHead(head, { scoreShift: shift / judged.length, ...bounds });
  return { refine, all, fresh, worthIt: gainOf(fresh) >= worthIt && gainOf(all) >= 0 };
}

/** Pixels of every answer that has some to train a head with. */
export async function pointSetsOf(
  answers: readonly WindowLogits[],
  { pixelsOf, mostPixels, seed, signal }: Pick<HeadOptions, "pixelsOf" | "mostPixels" | "seed" | "signal">,
): Promise<Map<WindowLogits, PointSet>> {
  const most = Math.max(pixelsOfOne, Math.floor(pixelsInAll / Math.max(1, answers.length)));
  const sets = new Map<WindowLogits, PointSet>();
  for (const answer of answers) {
    signal.throwIfAborted();
    const drawn = { most, judged: mostPoints, mostPixels: mostPixels ?? Infinity, seed };
    const set = await pointSet(answer, await pixelsOf(answer.sample.image), drawn);
    if (set) sets.set(answer, set);
    await nextTurn();
  }
  return sets;
}

export const gainOf = ({ plainIou, iou }: HeadScores): number => iou - plainIou;

const inUnit = (value: number): number => Math.max(0, Math.min(1, value));

interface Judged extends Pick<WindowLogits, "sample" | "predictedIou"> {
  readonly plain: number;
  readonly sharp: number;
}

const scoresOf = (judged: readonly Judged[]): HeadScores => ({
  samples: judged.length,
  plainIou: judged.reduce((sum, { plain }) => sum + plain, 0) / judged.length,
  iou: judged.reduce((sum, { sharp }) => sum + sharp, 0) / judged.length,
});

/** IoU of an answer as predict gives it to an exact box: as it is, and sharpened. */
async function beforeAndAfter(answer: WindowLogits, image: RgbImage, settings: PointHeadSettings) {
  const { sample, window, views } = answer;
  const truth = truthOf(sample);
  const refine = { settings, image, sha256: sample.image.sha256 };
  const sharp = await refinedLogits(answer, refine, sample.annotation.box);
  const plain = joinedLogits(window, views, { threshold: 0 });
  return { plain: areaIou(plain, truth), sharp: areaIou(sharp, truth) };
}
