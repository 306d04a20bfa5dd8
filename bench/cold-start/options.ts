import { parseArgs } from "node:util";
import { whole } from "../lib/options.ts";

export const usage =
  "  cold-start [RUNS]\n          what a Lambda instance costs before its first answer, the median of RUNS (7)\n";

export interface ColdStartOptions {
  readonly runs: number;
}

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): ColdStartOptions {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true });
  if (positionals.length > 1) throw new Error(`${positionals[1]}: one number is taken`);
  return { runs: whole("RUNS", positionals[0] ?? "7") };
}
