import { parseArgs } from "node:util";
import { whole } from "../lib/options.ts";

export const usage =
  "  memory [--prompts N] [--versions N] [--json]\n" +
  "          resident memory of a server that answers with many versions of five projects\n";

export interface MemoryOptions {
  readonly json: boolean;
  readonly prompts: number;
  readonly versions: number;
}

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): MemoryOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      prompts: { type: "string", default: "2000" },
      versions: { type: "string", default: "50" },
    },
  });
  const { json, prompts, versions } = values;
  return { json, prompts: whole("prompts", prompts), versions: whole("versions", versions) };
}
