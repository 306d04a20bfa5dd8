import { mostWithAllKinds } from "../../domain/evaluation.ts";
import type { PreviewResult } from "../../domain/preview.ts";
import { defaultBudget } from "../search/choose.ts";
import { costs } from "../search/costs.ts";

/** How fast this trainer is, as the preview has just seen; null where it saw nothing. */
export interface Rates {
  /** Encoding an image. */
  readonly embedSeconds: number | null;
  /** One training sample. */
  readonly trainSeconds: number;
  /** As the engine names it. */
  readonly device: string;
}

/**
 * What a fine-tune with {} will take. Its search, training and evaluation are counted in budget seconds, each a second
 * of the machine that `costs` were measured on; the ratio of a training sample there and here turns them into seconds
 * of this trainer.
 */
export function estimateOf(
  counts: { embeddingsMissing: number; heldOut: number },
  rates: Rates | null,
): NonNullable<PreviewResult["estimate"]> {
  const slower = rates ? rates.trainSeconds / costs.train : 1;
  const embed = counts.embeddingsMissing * (rates?.embedSeconds ?? costs.encode * slower);
  const kinds = costs.kinds * Math.min(mostWithAllKinds, counts.heldOut);
  const evaluate = slower * (kinds + 2 * costs.score * counts.heldOut);
  const train = Math.max(0, slower * defaultBudget - evaluate);
  const seconds = embed + train + evaluate;
  return {
    seconds: Math.round(seconds),
    embed_seconds: Math.round(embed),
    train_seconds: Math.round(train),
    evaluate_seconds: Math.round(evaluate),
    embeddings_missing: counts.embeddingsMissing,
    measured: rates !== null,
    gpu_hours: /gpu|cuda/i.test(rates?.device ?? "") ? seconds / 3600 : null,
  };
}
