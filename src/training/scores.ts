import { setImmediate as nextTurn } from "node:timers/promises";
import { iou } from "../imaging/metrics.ts";
import { maskAtSize } from "../imaging/postprocess.ts";
import type { TrainingEngine } from "./engine/types.ts";
import { type EmbeddingOf, maskOf, promptBatch, type Sample } from "./samples.ts";

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
