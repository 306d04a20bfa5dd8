import type { PreviewResult } from "../../db/schema/index.ts";
import type { Recipe } from "../recipe.ts";
import { stepsPerEpoch } from "../recipe.ts";

/** Seconds, each as measured on two quiet cores of a Xeon with AVX-512: encoding an image, a training sample, a prompt. */
export const measuredElsewhere = { embedSeconds: 0.6, trainSeconds: 0.058, scoreSeconds: 0.04 };
/** Prompts that are answered for a held-out annotation with every kind of prompt, base and tuned. */
const promptsWithAllKinds = 12;
const mostWithAllKinds = 32;

export interface Rates {
  readonly embedSeconds: number;
  readonly trainSeconds: number;
  readonly scoreSeconds: number;
  /** Whether training's are of this trainer. */
  readonly measured: boolean;
  /** As the engine names it; left out where none ran. */
  readonly device?: string;
}

/** What a fine-tune with this recipe will take: every epoch trains and scores, and the end scores base and tuned. */
export function estimateOf(
  counts: { embeddingsMissing: number; selection: number; heldOut: number },
  recipe: Recipe,
  rates: Rates,
): NonNullable<PreviewResult["estimate"]> {
  const { epochs, samplesPerEpoch, batchSize } = recipe;
  const samples = epochs * stepsPerEpoch(samplesPerEpoch, batchSize) * batchSize;
  const choosing = (epochs + 2) * counts.selection;
  const judging = 2 * counts.heldOut + promptsWithAllKinds * Math.min(mostWithAllKinds, counts.heldOut);
  const embed = counts.embeddingsMissing * rates.embedSeconds;
  const train = samples * rates.trainSeconds + choosing * rates.scoreSeconds;
  const evaluate = judging * rates.scoreSeconds;
  const whole = (seconds: number): number => Math.max(0, Math.round(seconds));
  return {
    seconds: whole(embed + train + evaluate),
    embed_seconds: whole(embed),
    train_seconds: whole(train),
    evaluate_seconds: whole(evaluate),
    embeddings_missing: counts.embeddingsMissing,
    measured: rates.measured,
    gpu_hours: /gpu|cuda/i.test(rates.device ?? "") ? (embed + train + evaluate) / 3600 : null,
  };
}
