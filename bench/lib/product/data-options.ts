import { existsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { whole } from "../options.ts";

/** Which data a bench works on, and how long its fine-tunes may take. */
export interface DataOptions {
  readonly data: string;
  readonly json: boolean;
  /** Seconds that a fine-tune may take; undefined leaves the product's default. */
  readonly budget: number | undefined;
  readonly seed: number;
  /** Where embeddings are kept for the next run. */
  readonly cache: string;
  readonly maxAnnotations: number | undefined;
}

/** The same as options of parseArgs. */
export const dataArguments = {
  data: { type: "string" },
  json: { type: "boolean", default: false },
  budget: { type: "string" },
  seed: { type: "string", default: "0" },
  cache: { type: "string", default: join(tmpdir(), "maskwright-quality-cache") },
  "max-annotations": { type: "string" },
} as const;

/** Throws an Error that says which option is wrong. */
export function readData(values: {
  data?: string | undefined;
  json: boolean;
  budget?: string | undefined;
  seed: string;
  cache: string;
  "max-annotations"?: string | undefined;
}): DataOptions {
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
  };
}
