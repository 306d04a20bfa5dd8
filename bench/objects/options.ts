import { parseArgs } from "node:util";
import type { SetSizes } from "../lib/coco/set.ts";
import { pythonOf, whole } from "../lib/options.ts";

export const usage =
  "  objects [--images N] [--objects N] [--side N] [--budget SECONDS] [--no-fine-tune] [--python PATH] [--seed N]\n" +
  "          many small outlines on large pictures, as aerial sets have them: outlines to run lengths beside\n" +
  "          pycocotools, the import, and how soon and how long a fine-tune on them trains\n";

export interface ObjectsOptions extends SetSizes {
  readonly json: boolean;
  /** Budget seconds of the fine-tune; null for none. */
  readonly budget: number | null;
  readonly python: string | undefined;
}

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): ObjectsOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      images: { type: "string", default: "60" },
      objects: { type: "string", default: "116649" },
      side: { type: "string", default: "1200" },
      budget: { type: "string", default: "60" },
      "no-fine-tune": { type: "boolean", default: false },
      python: { type: "string" },
      seed: { type: "string", default: "1" },
    },
  });
  const side = whole("side", values.side, 100);
  return {
    json: values.json,
    images: whole("images", values.images),
    width: side,
    height: side,
    objects: whole("objects", values.objects),
    points: 7,
    radius: [5, 16],
    budget: values["no-fine-tune"] ? null : whole("budget", values.budget),
    python: pythonOf(values.python),
    seed: whole("seed", values.seed),
  };
}
