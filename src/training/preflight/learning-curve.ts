import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import type { LearningCurve } from "../../domain/preview.ts";
import { rleIou } from "../../imaging/mask-facts.ts";
import { rleAtSize } from "../../imaging/rle-at-size.ts";
import { fitOf, randomFor, rleOf, type Sample, samplesOf, someOf, targetOf } from "../data/samples.ts";
import type { Snapshot, SnapshotImage } from "../data/snapshot.ts";
import type { CurveFold } from "../data/folds.ts";
import { type FoldScores, intervalsOf } from "./power-law.ts";
import { batchSize, rateFrom, ShortRuns } from "./short-runs.ts";

/** How long to train, in optimizer steps of 4 samples: counts, never clocks, so that the same data gives the same curve. */
export interface Effort {
  /** Steps of each run. */
  readonly run: number;
  /** Steps of the run that asks what the decoder can learn by heart. */
  readonly byHeart: number;
}

/** Six runs and one: 288 steps, which is a good minute of training on two quiet cores, whatever the project's size. */
export const usualEffort: Effort = { run: 32, byHeart: 96 };
const samplesByHeart = 8;
/** Learning by heart may be bold: of 8 stamps 64 steps learnt .55 with it and .43 with 3e-4. */
const rateByHeart = 1e-3;
const mostJudging = 32;
const mostTrained = 12;

export interface CurvePlan {
  readonly snapshot: Snapshot;
  readonly folds: readonly CurveFold[];
  readonly groupOf: (image: SnapshotImage) => string;
  /** Images that a fine-tune of the project trains on. */
  readonly imagesNow: number;
  readonly seed: number;
  readonly effort: Effort;
}

/** All that has to be embedded. */
export const imagesOfPlan = ({ folds }: Pick<CurvePlan, "folds">): SnapshotImage[] => [
  ...new Set(folds.flatMap(({ train, validation }) => [...validation, ...(train.at(-1) ?? [])])),
];

/** Samples that the whole curve trains on and scores, for its progress. */
export function samplesOfPlan({ folds, effort }: Pick<CurvePlan, "folds" | "effort">): number {
  const runs = folds.reduce((sum, { train }) => sum + train.length, 0);
  const scored = (runs + folds.length) * mostJudging + runs * mostTrained + samplesByHeart;
  return (runs * effort.run + effort.byHeart) * batchSize + scored;
}

/** Draws the curve by training short runs on more and more of the images. Deterministic but for the rates. */
export async function drawCurve(
  services: Parameters<typeof ShortRuns.open>[0],
  plan: CurvePlan,
  options: { weights: NamedTensors } & Parameters<typeof ShortRuns.open>[2],
): Promise<{ curve: LearningCurve; rates: ShortRuns["rates"] }> {
  const { snapshot, folds, groupOf, imagesNow, seed, effort } = plan;
  const { weights, ...context } = options;
  const runs = await ShortRuns.open(services, weights, context);
  try {
    const sizes = (folds[0] as CurveFold).train.map((images) => images.length);
    const judging = folds.map(({ validation }) => someOf(samplesOf(snapshot, validation), mostJudging, seed));
    const baseIou = meanOf(await runs.score(judging.flat()));
    const learningRate = rateFrom(baseIou);
    const scores: FoldScores[] = [];
    const trained = sizes.map((): number[] => []);
    for (const [fold, { train }] of folds.entries()) {
      const judges = judging[fold] as Sample[];
      const points: number[][] = [];
      for (const [point, images] of train.entries()) {
        const samples = samplesOf(snapshot, images);
        await runs.train(samples, { steps: effort.run, learningRate });
        points.push(await runs.score(judges));
        trained[point]?.push(...(await runs.score(someOf(samples, mostTrained, seed))));
      }
      scores.push({ groups: judges.map(({ image }) => groupOf(image)), points });
    }
    const heart = someOf(
      samplesOf(snapshot, (folds[0] as CurveFold).train.at(-1) ?? []),
      samplesByHeart,
      seed,
    );
    await runs.train(heart, { steps: effort.byHeart, learningRate: rateByHeart });
    const byHeart = meanOf(await runs.score(heart));
    const random = randomFor(seed, "learning curve");
    const { points, law, gain } = intervalsOf(scores, { sizes, imagesNow, random });
    const curve: LearningCurve = {
      base_iou: baseIou,
      points: points.map((interval, i) => ({
        images: sizes[i] as number,
        iou: interval,
        train_iou: meanOf(trained[i] as number[]),
      })),
      power_law: law,
      images_now: imagesNow,
      gain_from_twice: gain,
      by_heart_iou: byHeart,
      grid_limit_iou: meanOf(judging.flat().map(throughGrid)),
    };
    return { curve, rates: runs.rates };
  } finally {
    await runs.close();
  }
}

/** IoU of a mask with itself after it went through the decoder's grid and back: the most that any answer can reach. */
function throughGrid(sample: Sample): number {
  const size = [sample.image.height, sample.image.width] as const;
  const logits = targetOf(sample).target.map((share) => share - 0.5);
  return rleIou(rleAtSize(logits, size, { at: [0, 0], size }, fitOf(sample.image)).rle, rleOf(sample));
}

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
