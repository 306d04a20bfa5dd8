import { parseArgs } from "node:util";
import { whole } from "../lib/options.ts";

export const usage =
  "  versions [--data DIR] [--rounds N] [--threads N] [--json]  versions that look closer or refine, beside the base, box\n" +
  "          and click, warm and cold, as a server answers them; DIR holds images/<stem>.* and masks/<stem>.png or\n" +
  "          masks/<stem>__<k>.png, else pages are drawn\n";

export interface VersionsOptions {
  readonly json: boolean;
  /** Rounds of warm prompts; each asks the base and every version once. */
  readonly rounds: number;
  readonly threads: number;
  readonly data: string | undefined;
}

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): VersionsOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      rounds: { type: "string", default: "24" },
      threads: { type: "string", default: "2" },
      data: { type: "string" },
    },
  });
  return {
    json: values.json,
    rounds: whole("rounds", values.rounds),
    threads: whole("threads", values.threads),
    data: values.data,
  };
}
