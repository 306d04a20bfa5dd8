import { setImmediate as nextTurn } from "node:timers/promises";
import type { PromptKind } from "../../domain/evaluation.ts";
import type { Point, RleMask } from "../../imaging/types.ts";
import type { Prompt, VersionRef } from "../../inference/types.ts";
import { jitterBox } from "../prompts/prompts.ts";
import { randomFor, rleOf, type Sample } from "../data/samples.ts";
import type { SnapshotImage } from "../data/snapshot.ts";
import { type Answer, type AnswerDeps, type AnswerOptions, answersOf } from "./answers.ts";
import { byImage } from "./box-scores.ts";
import { firstClick, nextClick } from "./clicks.ts";
import { type Score, scoreOf } from "./score.ts";

/** All but the exact box, which every sample is scored with. */
export type SampledKind = Exclude<PromptKind, "box">;
export type KindScores = Record<SampledKind, Score[]>;

/** Samples of one image at a time: bounds the memory of their masks and answers. */
const samplesPerTurn = 4;
/** The same noise for every version and every run: all are judged by the same prompts. */
const jitterSeed = 0;

/**
 * Scores versions as people prompt them: a box drawn by hand (noise as in training), one click, three clicks (each
 * corrects the answer to those before), and a click that is refined (a corrective click together with the first and
 * the answer's own low-res logits). Clicks after the first follow each version's own answers.
 * One row a version, in their order; one score a sample and kind, in the samples' order.
 */
export async function scoreKinds(
  deps: AnswerDeps,
  samples: readonly Sample[],
  options: AnswerOptions & {
    versions: readonly VersionRef[];
    onDone?: (samples: number) => Promise<void>;
  },
): Promise<KindScores[]> {
  const rows = options.versions.map((): KindScores => ({
    jittered_box: [],
    one_click: [],
    three_clicks: [],
    click_refine: [],
  }));
  let done = 0;
  for (const { image, indexes } of byImage(samples, samplesPerTurn)) {
    options.signal.throwIfAborted();
    const some = indexes.map((index) => samples[index] as Sample);
    const truths = some.map(rleOf);
    const found = await Promise.all(
      options.versions.map(async (version) => kindsOnImage(deps, image, { some, truths, version, options })),
    );
    for (const [i, index] of indexes.entries()) {
      for (const [v, row] of rows.entries()) {
        for (const [kind, answers] of Object.entries(found[v] as KindAnswers)) {
          const { mask, predictedIou } = answers[i] as Answer;
          row[kind as SampledKind][index] = scoreOf(mask, truths[i] as RleMask, predictedIou);
        }
      }
      await nextTurn();
    }
    done += indexes.length;
    await options.onDone?.(done);
  }
  return rows;
}

type KindAnswers = Record<SampledKind, Answer[]>;

async function kindsOnImage(
  deps: AnswerDeps,
  image: SnapshotImage,
  turn: {
    some: readonly Sample[];
    truths: readonly RleMask[];
    version: VersionRef;
    options: AnswerOptions;
  },
): Promise<KindAnswers> {
  const { some, truths, version, options } = turn;
  const ask = async (prompts: readonly Prompt[]): Promise<Answer[]> => {
    const [row] = await answersOf(deps, image, prompts, { ...options, versions: [version], lowRes: true });
    return row as Answer[];
  };
  const boxes = some.map(({ annotation }) => ({
    box: jitterBox(annotation.box, image, randomFor(jitterSeed, "judge", annotation.counts)),
  }));
  const first = truths.map((truth) => [firstClick(truth)]);
  const opening = await ask([...boxes, ...first.map((points) => ({ points }))]);
  const [jittered, one] = [opening.slice(0, some.length), opening.slice(some.length)];

  const second = withNextClick(first, one, truths);
  const middle = await ask([
    ...second.map((points) => ({ points })),
    ...second.map((points, i) => ({ points, mask: one[i]?.lowRes })),
  ]);
  const [two, refined] = [middle.slice(0, some.length), middle.slice(some.length)];

  const three = await ask(withNextClick(second, two, truths).map((points) => ({ points })));
  return { jittered_box: jittered, one_click: one, three_clicks: three, click_refine: refined };
}

/** The clicks so far and one more where there is something to correct. */
const withNextClick = (
  clicks: readonly (readonly Point[])[],
  answers: readonly Answer[],
  truths: readonly RleMask[],
): (readonly Point[])[] =>
  clicks.map((before, i) => {
    const next = nextClick((answers[i] as Answer).mask, truths[i] as RleMask, before);
    return next ? [...before, next] : before;
  });
