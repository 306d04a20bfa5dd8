import { setImmediate as nextTurn } from "node:timers/promises";
import { dice, iou } from "../imaging/metrics.ts";
import { maskAtSize } from "../imaging/postprocess.ts";
import { decodeRle } from "../imaging/rle.ts";
import type { Inference, VersionRef } from "../inference/types.ts";
import type { TrainingEngine } from "./engine/types.ts";
import { type EmbeddingOf, maskOf, promptBatch, type Sample } from "./samples.ts";
import type { SnapshotImage } from "./snapshot.ts";
import type { ObjectStore } from "../storage/store.ts";

/** Of one sample, exact box prompt, at the original size; each in [0, 1]. */
export interface Score {
  readonly iou: number;
  readonly dice: number;
}

/**
 * Mean IoU of an engine's weights as they are now, at the original size, exact boxes; in [0, 1].
 * The event loop gets a turn after every mask, so it never waits longer than one takes.
 */
export async function meanIouOf(
  engine: TrainingEngine,
  samples: readonly Sample[],
  options: { embeddingOf: EmbeddingOf; batchSize: number; signal: AbortSignal },
): Promise<number> {
  let sum = 0;
  for (let from = 0; from < samples.length; from += options.batchSize) {
    options.signal.throwIfAborted();
    const some = samples.slice(from, from + options.batchSize);
    const boxes = some.map(({ annotation }) => annotation.box);
    const { logits } = await engine.predict(await promptBatch(some, boxes, options.embeddingOf));
    const cells = logits.length / some.length;
    for (const [i, sample] of some.entries()) {
      const mask = maskAtSize(logits.subarray(i * cells, (i + 1) * cells), [
        sample.image.height,
        sample.image.width,
      ]);
      sum += iou(mask, maskOf(sample));
      await nextTurn();
    }
  }
  return sum / samples.length;
}

/** Prompts of one call: enough to keep the decoder busy, few enough to notice an abort. */
const promptsPerCall = 32;

/**
 * Scores versions on samples by the very path that serves predictions, so that what is measured is what callers
 * get. One row a version, in its order; one score a sample, in theirs.
 */
export async function scoreVersions(
  deps: { inference: Inference; store: ObjectStore },
  samples: readonly Sample[],
  options: {
    versions: readonly VersionRef[];
    workspaceId: string;
    baseModel: string;
    signal: AbortSignal;
    onDone?: (samples: number) => Promise<void>;
  },
): Promise<Score[][]> {
  const rows = options.versions.map(() => Array.from<Score>({ length: samples.length }));
  let done = 0;
  for (const { image, indexes } of byImage(samples)) {
    options.signal.throwIfAborted();
    const { results } = await deps.inference.predict({
      image: { sha256: image.sha256, bytes: async () => deps.store.get(image.object_key) },
      workspaceId: options.workspaceId,
      baseModel: options.baseModel,
      signal: options.signal,
      versions: options.versions,
      prompts: indexes.map((index) => ({ box: (samples[index] as Sample).annotation.box })),
      multimask: false,
      format: "rle",
    });
    for (const [i, index] of indexes.entries()) {
      const truth = maskOf(samples[index] as Sample);
      for (const [version, row] of rows.entries()) {
        const answer = results[version]?.predictions[i]?.masks[0]?.mask;
        if (answer?.format !== "rle") throw new Error("a prediction in RLE was asked for and did not come");
        const mask = decodeRle(answer);
        row[index] = { iou: iou(mask, truth), dice: dice(mask, truth) };
      }
      await nextTurn();
    }
    done += indexes.length;
    await options.onDone?.(done);
  }
  return rows;
}

export function meanScores(scores: readonly Score[]): { meanIou: number; meanDice: number } {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  return { meanIou: mean(scores.map((s) => s.iou)), meanDice: mean(scores.map((s) => s.dice)) };
}

/** Samples of one image together, in calls of bounded size. */
function* byImage(samples: readonly Sample[]): Generator<{ image: SnapshotImage; indexes: number[] }> {
  const images = new Map<string, { image: SnapshotImage; indexes: number[] }>();
  for (const [index, { image }] of samples.entries()) {
    const entry = images.get(image.id) ?? { image, indexes: [] };
    entry.indexes.push(index);
    images.set(image.id, entry);
  }
  for (const { image, indexes } of images.values()) {
    for (let from = 0; from < indexes.length; from += promptsPerCall) {
      yield { image, indexes: indexes.slice(from, from + promptsPerCall) };
    }
  }
}
