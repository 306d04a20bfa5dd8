import { parseArgs } from "node:util";
import type { EverythingSettings } from "../../src/domain/everything.ts";
import { pythonOf, whole } from "../lib/options.ts";

export const usage =
  "  everything-parity IMAGE... [--json] [--python PATH] [--meta PATH] [--threads N] [--settings JSON]...\n" +
  "          what segment-everything finds in real images, against Meta's automatic mask generator\n";

export interface ParityOptions {
  readonly json: boolean;
  readonly images: readonly string[];
  readonly python: string;
  readonly meta: string | undefined;
  readonly threads: number;
  readonly settings: readonly Partial<EverythingSettings>[];
}

/** The image alone, and crops beside it. */
const usual: readonly Partial<EverythingSettings>[] = [
  { pointsPerSide: 16 },
  { pointsPerSide: 16, cropNLayers: 1, cropNPointsDownscaleFactor: 2 },
];

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): ParityOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: "boolean", default: false },
      python: { type: "string" },
      meta: { type: "string" },
      threads: { type: "string", default: "2" },
      settings: { type: "string", multiple: true },
    },
  });
  if (positionals.length === 0) throw new Error("an IMAGE is missing");
  return {
    json: values.json,
    images: positionals,
    python: pythonOf(values.python) ?? "python3",
    meta: values.meta,
    threads: whole("threads", values.threads),
    settings: values.settings?.map((text) => JSON.parse(text) as Partial<EverythingSettings>) ?? usual,
  };
}
