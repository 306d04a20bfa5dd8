import { setImmediate as nextTurn } from "node:timers/promises";
import type { VersionRef } from "../../inference/types.ts";
import { rleOf, type Sample } from "../data/samples.ts";
import type { SnapshotImage } from "../data/snapshot.ts";
import { type AnswerDeps, type AnswerOptions, answersOf } from "./answers.ts";
import { type Score, scoreOf } from "./score.ts";

/** Prompts of one call: enough to keep the decoder busy, few enough to notice an abort. */
const promptsPerCall = 32;

/**
 * Scores versions on samples, exact boxes. One row a version, in its order; one score a sample, in theirs.
 * The event loop gets a turn after every sample.
 */
export async function scoreVersions(
  deps: AnswerDeps,
  samples: readonly Sample[],
  options: AnswerOptions & {
    versions: readonly VersionRef[];
    onDone?: (samples: number) => Promise<void>;
  },
): Promise<Score[][]> {
  const rows = options.versions.map(() => Array.from<Score>({ length: samples.length }));
  let done = 0;
  for (const { image, indexes } of byImage(samples, promptsPerCall)) {
    options.signal.throwIfAborted();
    const boxes = indexes.map((index) => ({ box: (samples[index] as Sample).annotation.box }));
    const answers = await answersOf(deps, image, boxes, options);
    for (const [i, index] of indexes.entries()) {
      const truth = rleOf(samples[index] as Sample);
      for (const [version, row] of rows.entries()) {
        const answer = answers[version]?.[i];
        if (!answer) throw new Error("a prompt has no answer");
        row[index] = scoreOf(answer.mask, truth, answer.predictedIou);
      }
      await nextTurn();
    }
    done += indexes.length;
    await options.onDone?.(done);
  }
  return rows;
}

/** Samples of one image together, in parts of bounded size. */
export function* byImage(
  samples: readonly Sample[],
  most: number,
): Generator<{ image: SnapshotImage; indexes: number[] }> {
  const images = new Map<string, { image: SnapshotImage; indexes: number[] }>();
  for (const [index, { image }] of samples.entries()) {
    const entry = images.get(image.id) ?? { image, indexes: [] };
    entry.indexes.push(index);
    images.set(image.id, entry);
  }
  for (const { image, indexes } of images.values()) {
    for (let from = 0; from < indexes.length; from += most) {
      yield { image, indexes: indexes.slice(from, from + most) };
    }
  }
}
