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

/** What they are called, with their defaults, for parseArgs. */
export const timingFlags = {
  json: { type: "boolean", default: false },
  python: { type: "string" },
  meta: { type: "string" },
  rounds: { type: "string", default: "21" },
  threads: { type: "string", default: "2" },
} as const;

/** Throws an Error that says which option is wrong. */
export function readTimingOptions(args: readonly string[]): TimingOptions {
  return timingOptions(parseArgs({ args: [...args], options: timingFlags }).values);
}

/** The same of values that were read with others. Throws an Error that says which option is wrong. */
export const timingOptions = (values: {
  readonly json: boolean;
  readonly python?: string;
  readonly meta?: string;
  readonly rounds: string;
  readonly threads: string;
}): TimingOptions => ({
  json: values.json,
  python: values.python,
  meta: values.meta,
  rounds: whole("rounds", values.rounds),
  threads: whole("threads", values.threads),
});
