import { parseArgs } from "node:util";
import { dataArguments, type DataOptions, readData } from "../lib/product/data-options.ts";

export const usage =
  "  like --data DIR [--json] [--budget SECONDS] [--seed N] [--cache DIR] [--max-annotations N]\n" +
  "          DIR as for quality; --budget also fine-tunes and shows the tuned version the same objects\n";

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): DataOptions {
  const { values } = parseArgs({ args: [...args], options: dataArguments });
  return readData(values);
}
