/**
 * Which mask tokens answer, by the IoU predictions [4] of one prompt: token 0 alone, or SAM's three for an ambiguous
 * prompt, best score first, or the best of them.
 */
export function chosenTokens(scores: Float32Array, multimask: boolean | "best"): number[] {
  if (multimask === false) return [0];
  const ordered = [1, 2, 3].sort((a, b) => (scores[b] as number) - (scores[a] as number));
  return multimask === "best" ? ordered.slice(0, 1) : ordered;
}

/** Source: sam2 configs/sam2.1, sam_mask_decoder_extra_args. */
const [stabilityDelta, leastStability] = [0.05, 0.98] as const;

/**
 * Whether the mask of token 0, low-res logits of each of its views, keeps its area where the edge is moved a little: the IoU
 * of the masks above .05 and -.05. Meta's predictor of SAM 2 answers with the best of the other three where it does not.
 * Source: sam2 modeling/sam/mask_decoder.py, _get_stability_scores.
 */
export function isStable(views: readonly Float32Array[]): boolean {
  let [inner, outer] = [0, 0];
  for (const logits of views) {
    for (const logit of logits) {
      if (logit > stabilityDelta) inner++;
      if (logit > -stabilityDelta) outer++;
    }
  }
  return outer === 0 || inner / outer >= leastStability;
}
