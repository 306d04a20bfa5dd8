import { parseArgs } from "node:util";
import { pythonOf } from "../lib/options.ts";
import { dataArguments, type DataOptions, readData } from "../lib/product/data-options.ts";

export const usage =
  "  find --data DIR [--json] [--budget SECONDS] [--seed N] [--cache DIR] [--max-annotations N]\n" +
  "          [--peers] [--python PATH]\n" +
  "          DIR as for quality; --peers also trains micro-sam's instance decoder's targets in PyTorch, for 10 epochs,\n" +
  "          and for all that is annotated as one mask a U-Net and a linear probe, as long as the fine-tune took\n";

export interface FindOptions extends DataOptions {
  readonly peers: boolean;
  /** Undefined where there is none: then there is no peer. */
  readonly python: string | undefined;
}

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): FindOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...dataArguments,
      peers: { type: "boolean", default: false },
      python: { type: "string" },
    },
  });
  return {
    ...readData(values),
    peers: values.peers,
    python: values.peers ? pythonOf(values.python) : undefined,
  };
}
