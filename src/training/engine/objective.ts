import type { Loss, LossName, LossTerm, LossWeights } from "./types.ts";

/** The order in which an objective's terms are summed. */
export const termOrder: readonly LossTerm[] = ["dice", "bce", "focal", "mse", "boundary", "normalised_mse"];

/**
 * Objectives by name. SAM's paper weighs focal loss to Dice loss 20 to 1 (Kirillov et al., 2023, section 3).
 *
 * `tutorial_mse` is what the much copied fine-tuning tutorial of April 2023 does: MSE between
 * `normalize(threshold(masks, 0, 0))` and the binary mask. Written so, on masks of [1, 1, H, W], torch normalises over
 * the channel axis of length 1: every positive logit becomes 1, and the gradient is exactly 0 (measured with
 * torch 2.13), so nothing is learnt. Ours takes the masks as [B, H, W], where the same call normalises the columns and
 * a gradient is left; and it looks at the low-res masks, not at the upscaled ones.
 */
export const presets: Readonly<Record<LossName, LossWeights>> = {
  dice: { dice: 1 },
  dice_bce: { dice: 1, bce: 1 },
  focal_dice: { focal: 20, dice: 1 },
  mse: { mse: 1 },
  dice_bce_boundary: { dice: 1, bce: 1, boundary: 1 },
  tutorial_mse: { normalised_mse: 1 },
};

/** The terms that count, in an order that does not depend on how a caller wrote them: sums round the same. */
export function lossTerms(loss: Loss): [LossTerm, number][] {
  if (typeof loss === "string") return Object.entries(presets[loss]) as [LossTerm, number][];
  const weights: LossWeights = loss;
  return termOrder.flatMap((term) => {
    const weight = weights[term] ?? 0;
    return weight > 0 ? [[term, weight] as [LossTerm, number]] : [];
  });
}

/** Whether a batch must bring `edges`. */
export const wantsEdges = (loss: Loss): boolean => lossTerms(loss).some(([term]) => term === "boundary");

/** For people: a preset's name, or a sum as in `2 dice + 0.5 boundary`. */
export const lossText = (loss: Loss): string =>
  typeof loss === "string"
    ? loss
    : lossTerms(loss)
        .map(([term, weight]) => `${weight} ${term}`)
        .join(" + ");
