/**
 * Which mask tokens answer, by the IoU predictions [4] of one prompt: token 0 alone, or SAM's three for an ambiguous
 * prompt, best score first, or the best of them.
 */
export function chosenTokens(scores: Float32Array, multimask: boolean | "best"): number[] {
  if (multimask === false) return [0];
  const ordered = [1, 2, 3].sort((a, b) => (scores[b] as number) - (scores[a] as number));
  return multimask === "best" ? ordered.slice(0, 1) : ordered;
}
