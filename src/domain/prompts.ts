type LoggedBox = readonly [number, number, number, number];

/** A prompt as it was asked, in pixels of the original image. */
export interface LoggedPrompt {
  /**
   * Beside a label or what others are to be like, the region to look in; in the lineage of one found object, the box that its mask was made by, which
   * nobody has drawn.
   */
  box?: LoggedBox;
  /** [x, y, label]; label 1 is foreground, 0 background. */
  points?: readonly (readonly [number, number, number])[];
  /** A binary mask as COCO's RLE, an earlier prediction's mask by reference, or null for logits, which are not kept. */
  mask?:
    | { format: "rle"; size: [number, number]; counts: string }
    | { format: "prediction"; id: string; version: number; prompt: number; mask: number }
    | null;
  /** The point is one of segment-everything's grid: nobody has clicked there. */
  grid?: true;
  /** The objects of a label, by the name that was given for it. */
  label?: string;
  /** Whether all that was found is one mask. */
  region?: true;
  /** The objects of all labels. */
  find?: true;
  /** Objects like this one: an annotation's, several together, or the one in a box. */
  like?: { annotation: string } | { annotations: readonly string[] } | { box: LoggedBox };
  /** Where no object was to be found. */
  exclude?: readonly LoggedBox[];
  /**
   * The objects that were found, in the order of the answer: version, the box that its mask was made by, label, and whether
   * without the version's window. Those of a region are together its one mask.
   */
  found?: readonly (readonly [version: number, box: LoggedBox, label: string | null, plain?: true])[];
}

/** Whether a model chose what was pointed at, not a person. */
export const isFound = ({ label, find, like }: LoggedPrompt): boolean =>
  label !== undefined || find === true || like !== undefined;
