import { setImmediate as nextTurn } from "node:timers/promises";
import { writeHead, type PointHead } from "../../imaging/points/head.ts";
import { sharpen } from "../../imaging/sharpen.ts";
import type { RgbImage } from "../../imaging/types.ts";
import type { PointHeadSettings } from "../../lib/focus.ts";
import type { PairedGain } from "../../db/schema/index.ts";
import { type Difference, pairedGain } from "../evaluation/interval.ts";
import { maskOf, randomFor, type Sample, type SampleImage } from "../samples.ts";
import { windowIou, type WindowLogits } from "../scores.ts";
import { foldsFor } from "../search/folds.ts";
import { fitHead } from "./fit-head.ts";
import { type PointSet, pointSet } from "./point-set.ts";

/** Pixels of all answers together, and of one at least. */
const [pixelsInAll, pixelsOfOne] = [160_000, 300];
/**
 * A head has to bring so much mean IoU on samples that the decoder was not trained on before masks depend on it, and must
 * not lose on the others, whose answers are better than any that callers will get.
 */
const worthIt = 0.01;

export interface HeadChoice {
  /** Trained on all answers; null where no group could judge another, or there is nothing to train on. */
  readonly refine: PointHeadSettings | null;
  /** Mean IoU without and with heads of the other half, and the paired gain between the two. */
  readonly plainIou: number;
  readonly iou: number;
  readonly gain: PairedGain;
  readonly worthIt: boolean;
}

export interface HeadOptions {
  readonly pixelsOf: (image: SampleImage) => Promise<RgbImage>;
  readonly groupOf: (sample: Sample) => string;
  readonly seed: number;
  readonly signal: AbortSignal;
}

/**
 * A point head for a decoder's answers, and whether it pays: two heads, each trained on half of the groups, judge the
 * other half, and the gain over the answers as they are has its interval over groups. What is given is trained on all.
 */
export async function chooseHead(
  answers: readonly WindowLogits[],
  options: HeadOptions,
): Promise<HeadChoice> {
  const { pixelsOf, groupOf, seed, signal } = options;
  const most = Math.max(pixelsOfOne, Math.floor(pixelsInAll / Math.max(1, answers.length)));
  const sets = new Map<Sample, PointSet>();
  for (const answer of answers) {
    signal.throwIfAborted();
    const set = pointSet(answer, await pixelsOf(answer.sample.image), { most, seed });
    if (set) sets.set(answer.sample, set);
    await nextTurn();
  }
  const fit = (samples: readonly Sample[]): Promise<PointHead> =>
    fitHead(
      samples.flatMap((sample) => sets.get(sample) ?? []),
      { seed, signal },
    );
  const folds = foldsFor([...sets.keys()], groupOf, seed);
  const nothing: PairedGain = { mean: 0, low: null, high: null };
  if (sets.size === 0) return { refine: null, plainIou: 0, iou: 0, gain: nothing, worthIt: false };
  const refine = async (): Promise<PointHeadSettings> => writeHead(await fit([...sets.keys()]));
  if (!folds) return { refine: await refine(), plainIou: 0, iou: 0, gain: nothing, worthIt: false };

  const differences: Difference[] = [];
  let plainIou = 0;
  const [one, other] = folds.halves;
  for (const [trained, judged] of [
    [one, other],
    [other, one],
  ] as const) {
    const settings = writeHead(await fit(trained));
    for (const answer of answers.filter(({ sample }) => judged.includes(sample))) {
      signal.throwIfAborted();
      const plain = iouOf(answer);
      const sharp = iouOf(await sharpened(answer, settings, pixelsOf));
      plainIou += plain / sets.size;
      differences.push({ group: groupOf(answer.sample), value: sharp - plain });
      await nextTurn();
    }
  }
  const gain = pairedGain(differences, randomFor(seed, "point head"));
  const pays = gain.mean >= worthIt && gain.low !== null && gain.low > 0;
  return { refine: await refine(), plainIou, iou: plainIou + gain.mean, gain, worthIt: pays };
}

const iouOf = ({ sample, window, logits }: WindowLogits): number => windowIou(logits, window, maskOf(sample));

async function sharpened(
  answer: WindowLogits,
  refine: PointHeadSettings,
  pixelsOf: HeadOptions["pixelsOf"],
): Promise<WindowLogits> {
  const { sample, window, logits } = answer;
  const image = await pixelsOf(sample.image);
  return { ...answer, logits: sharpen(logits, image, window, { refine, box: sample.annotation.box }) };
}
