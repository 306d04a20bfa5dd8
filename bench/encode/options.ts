import { parseArgs } from "node:util";
import { timingFlags, timingOptions, type TimingOptions, timingUsage } from "../lib/timing-options.ts";

/** Types of image encoders by the names that their base models are usually given. */
export const bases = {
  sam_vit_b: "vit_b",
  sam_vit_l: "vit_l",
  sam_vit_h: "vit_h",
  sam2_tiny: "hiera_tiny",
  sam2_small: "hiera_small",
  sam2_base_plus: "hiera_base_plus",
  sam2_large: "hiera_large",
} as const;
export type Base = keyof typeof bases;

export interface EncodeOptions extends TimingOptions {
  readonly base: Base;
  /** MobileSAM's exact encoder and its twin in int8 in turn, instead. */
  readonly int8: boolean;
}

export const usage = `  encode ${timingUsage} [--base NAME | --int8]
          one image by the image encoder of ${Object.keys(bases).join(", ")}, with random
          weights, against transformers; --int8: MobileSAM's with its linear layers in int8, against the exact one
`;

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): EncodeOptions {
  const options = {
    ...timingFlags,
    base: { type: "string", default: "sam2_tiny" },
    int8: { type: "boolean", default: false },
  } as const;
  const { values } = parseArgs({ args: [...args], options });
  const { base, int8 } = values;
  if (!Object.hasOwn(bases, base))
    throw new Error(`--base ${base} is none of ${Object.keys(bases).join(", ")}`);
  return { ...timingOptions(values), base: base as Base, int8 };
}
