import { parseArgs } from "node:util";
import { whole } from "../lib/options.ts";

export const usage =
  "  scale [--json] [--images N]\n" +
  "          what each route reads of Postgres with N images, five times as many annotations and ten times as many\n" +
  "          predictions there, and with four times all of that\n";

export interface ScaleOptions {
  readonly json: boolean;
  /** Images at first; a fiftieth of them is the asking project's. */
  readonly images: number;
}

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): ScaleOptions {
  const { values } = parseArgs({
    args: [...args],
    options: { json: { type: "boolean", default: false }, images: { type: "string", default: "50000" } },
  });
  return { json: values.json, images: whole("images", values.images, 1000) };
}
