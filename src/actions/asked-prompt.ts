import type { Box, WireMask } from "../imaging/types.ts";
import type { Prompt } from "../inference/types.ts";

/** A mask of an earlier answer, by where it stood in it; without a version, in that of the first which answered. */
export interface MaskReference {
  readonly format: "prediction";
  readonly id: string;
  readonly version?: number | "base" | undefined;
  readonly prompt: number;
  readonly mask: number;
}

/**
 * What others are to be like: an annotation of the project by its id, several that are taken together, or a box in the image
 * that is asked about.
 */
export interface AskedLike {
  readonly annotation?: string | undefined;
  readonly annotations?: readonly string[] | undefined;
  readonly box?: Box | undefined;
}

/**
 * A prompt in pixels of the original image: drawn, and then its mask may be one of an earlier answer; or what is to be
 * found, by the name of a label or by an object like it, and then its box is the region to look in.
 */
export interface AskedPrompt extends Omit<Prompt, "mask"> {
  readonly mask?: WireMask | MaskReference | undefined;
  readonly label?: string | undefined;
  /** The same as `label`. */
  readonly text?: string | undefined;
  readonly like?: AskedLike | undefined;
  /** Whether all objects of the label are answered as one mask; left out, each is one. */
  readonly region?: boolean | undefined;
  /** Regions where nothing is to be found. */
  readonly exclude?: readonly Box[] | undefined;
}

/** The label that a prompt names, and in which field; null for one that is drawn. */
export function namedBy({ label, text }: AskedPrompt): { name: string; field: "label" | "text" } | null {
  if (label !== undefined) return { name: label, field: "label" };
  return text === undefined ? null : { name: text, field: "text" };
}

/** Whether a prompt asks for objects to be found: it is not drawn. */
export const isSought = (prompt: AskedPrompt): boolean =>
  namedBy(prompt) !== null || prompt.like !== undefined;
