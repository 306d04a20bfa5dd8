type Rle = { format: "rle"; size: [number, number]; counts: string };

/**
 * A mask of an answer as the run lengths that it is (`format: "rle"`, the default of every request).
 * Throws an Error where another format was asked for.
 */
export function rleOf<Mask extends { format: string }>(mask: Mask): Extract<Mask, Rle> {
  if (mask.format !== "rle") throw new Error(`the mask's format is ${mask.format}, not rle`);
  return mask as Extract<Mask, Rle>;
}
