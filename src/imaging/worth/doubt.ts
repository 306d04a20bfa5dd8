/** Peaks with a lower label score are noise. */
export const faintestDoubt = 0.05;

/**
 * How much an image would tell a finder: for every peak how open it is whether an object is there, 1 at an even chance, 0 where
 * it is sure. Sums find more than means or maxima (Brust, Kaeding and Denzler 2019, "Active Learning for Deep Object
 * Detection", section 3.2).
 * @param scores label scores in [0, 1]
 */
export const doubtOf = (scores: readonly number[]): number =>
  scores.reduce((sum, score) => (score < faintestDoubt ? sum : sum + 4 * score * (1 - score)), 0);
