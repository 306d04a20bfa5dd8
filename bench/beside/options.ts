import { parseArgs } from "node:util";
import { whole } from "../lib/options.ts";

export const usage =
  "  beside [--json] [--clients N] [--seconds N] [--budget SECONDS]\n" +
  "          predictions on the base under load, without and with a fine-tune beside them on the same machine\n";

export interface BesideOptions {
  readonly json: boolean;
  readonly clients: number;
  /** How long each load lasts. */
  readonly seconds: number;
  /** The fine-tune's budget_seconds. */
  readonly budget: number;
}

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): BesideOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      clients: { type: "string", default: "8" },
      seconds: { type: "string", default: "20" },
      budget: { type: "string", default: "60" },
    },
  });
  return {
    json: values.json,
    clients: whole("clients", values.clients),
    seconds: whole("seconds", values.seconds),
    budget: whole("budget", values.budget),
  };
}
