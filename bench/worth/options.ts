import { parseArgs } from "node:util";
import { whole } from "../lib/options.ts";
import { dataArguments, type DataOptions, readData } from "../lib/product/data-options.ts";

export const usage =
  "  worth --data DIR [--json] [--seeds N] [--steps N] [--cache DIR] [--max-annotations N]\n" +
  "          finders of the first 4, 8 and 16 images in the order of worth, and at random\n";

export interface WorthOptions extends DataOptions {
  /** Splits and random orders that are tried. */
  readonly seeds: number;
  /** How many train each finder. */
  readonly steps: number;
}

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): WorthOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...dataArguments,
      seeds: { type: "string", default: "5" },
      steps: { type: "string", default: "200" },
    },
  });
  return {
    ...readData(values),
    seeds: whole("seeds", values.seeds, 1),
    steps: whole("steps", values.steps, 1),
  };
}
