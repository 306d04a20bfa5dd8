import { existsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { pythonOf, whole } from "../lib/options.ts";

export const usage =
  "  find --data DIR [--json] [--budget SECONDS] [--seed N] [--cache DIR] [--max-annotations N]\n" +
  "          [--peers] [--python PATH]\n" +
  "          DIR as for quality; --peers also trains micro-sam's instance decoder's targets in PyTorch, for 10 epochs\n";

export interface FindOptions {
  readonly data: string;
  readonly json: boolean;
  /** Seconds that the fine-tune may take; undefined leaves the product's default. */
  readonly budget: number | undefined;
  readonly seed: number;
  /** Where embeddings are kept for the next run. */
  readonly cache: string;
  readonly maxAnnotations: number | undefined;
  readonly peers: boolean;
  /** Undefined where there is none: then there is no peer. */
  readonly python: string | undefined;
}

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): FindOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      data: { type: "string" },
      json: { type: "boolean", default: false },
      budget: { type: "string" },
      seed: { type: "string", default: "0" },
      cache: { type: "string", default: join(tmpdir(), "maskwright-quality-cache") },
      "max-annotations": { type: "string" },
      peers: { type: "boolean", default: false },
      python: { type: "string" },
    },
  });
  if (values.data === undefined) throw new Error("--data DIR is missing");
  if (!existsSync(values.data) || !statSync(values.data).isDirectory())
    throw new Error(`--data ${values.data} is not a folder`);
  const optional = (name: "budget" | "max-annotations"): number | undefined =>
    values[name] === undefined ? undefined : whole(name, values[name], 1);
  return {
    data: resolve(values.data),
    json: values.json,
    budget: optional("budget"),
    seed: whole("seed", values.seed, 0),
    cache: resolve(values.cache),
    maxAnnotations: optional("max-annotations"),
    peers: values.peers,
    python: values.peers ? pythonOf(values.python) : undefined,
  };
}
