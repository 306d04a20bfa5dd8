import { parseArgs } from "node:util";
import { whole } from "./options.ts";

/** Options of the benches that time ours and a peer in turn. */
export interface TimingOptions {
  readonly json: boolean;
  readonly python: string | undefined;
  readonly rounds: number;
  readonly threads: number;
  /** A checkout of facebookresearch/segment-anything. */
  readonly meta: string | undefined;
}

/** How the usage names them. */
export const timingUsage = "[--json] [--python PATH] [--rounds N] [--threads N]";

/** Throws an Error that says which option is wrong. */
export function readTimingOptions(args: readonly string[]): TimingOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      python: { type: "string" },
      meta: { type: "string" },
      rounds: { type: "string", default: "21" },
      threads: { type: "string", default: "2" },
    },
  });
  const { json, python, meta, rounds, threads } = values;
  return { json, python, meta, rounds: whole("rounds", rounds), threads: whole("threads", threads) };
}
