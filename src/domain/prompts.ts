/** A prompt as it was asked, in pixels of the original image. */
export interface LoggedPrompt {
  box?: readonly [number, number, number, number];
  /** [x, y, label]; label 1 is foreground, 0 background. */
  points?: readonly (readonly [number, number, number])[];
  /** A binary mask as COCO's RLE, an earlier prediction's mask by reference, or null for logits, which are not kept. */
  mask?:
    | { format: "rle"; size: [number, number]; counts: string }
    | { format: "prediction"; id: string; version: number; prompt: number; mask: number }
    | null;
  /** The point is one of segment-everything's grid: nobody has clicked there. */
  grid?: true;
}
