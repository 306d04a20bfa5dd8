import { parseArgs } from "node:util";

export const usage =
  "  tables [--check]\n" +
  "          writes the tables of the documents from bench/results/*.json, which hold what the other benches print with\n" +
  "          --json; --check: tells whether they are those, and writes nothing\n";

export interface TablesOptions {
  readonly check: boolean;
}

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): TablesOptions {
  const { values } = parseArgs({ args: [...args], options: { check: { type: "boolean", default: false } } });
  return { check: values.check };
}
