import { parseArgs } from "node:util";
import { timingFlags, timingOptions, type TimingOptions } from "./timing-options.ts";

/** Base models whose decoder is timed; SAM 2's is the same whatever its encoder. */
export const decoderBases = ["mobile_sam", "sam2_tiny"] as const;

export interface DecoderOptions extends TimingOptions {
  readonly base: (typeof decoderBases)[number];
}

/** Throws an Error that says which option is wrong. */
export function readDecoderOptions(args: readonly string[]): DecoderOptions {
  const options = { ...timingFlags, base: { type: "string", default: "mobile_sam" } } as const;
  const { values } = parseArgs({ args: [...args], options });
  const base = decoderBases.find((name) => name === values.base);
  if (!base) throw new Error(`--base ${values.base} is none of ${decoderBases.join(", ")}`);
  return { ...timingOptions(values), base };
}
