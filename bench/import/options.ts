import { parseArgs } from "node:util";
import type { SetSizes } from "../lib/coco/set.ts";
import { pythonOf, whole } from "../lib/options.ts";

export const usage =
  "  import [--images N] [--objects N] [--points N] [--annotations-only] [--python PATH] [--seed N]\n" +
  "          a COCO set through a server of its own, beside pycocotools and Pillow reading the same files;\n" +
  "          --annotations-only: 1 GB of annotations on few images, for the memory that they take\n";

export interface ImportOptions extends SetSizes {
  readonly json: boolean;
  readonly python: string | undefined;
}

const picture = { width: 320, height: 240, radius: [8, 27] } as const;
const usual = { images: 2000, objects: 40_000, points: 24 };
/** About 10 kB an object: 1 GB. */
const annotationsOnly = { images: 200, objects: 100_000, points: 750 };

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): ImportOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      images: { type: "string" },
      objects: { type: "string" },
      points: { type: "string" },
      "annotations-only": { type: "boolean", default: false },
      python: { type: "string" },
      seed: { type: "string", default: "1" },
    },
  });
  const sizes = values["annotations-only"] ? annotationsOnly : usual;
  return {
    json: values.json,
    ...picture,
    images: whole("images", values.images ?? String(sizes.images)),
    objects: whole("objects", values.objects ?? String(sizes.objects)),
    points: whole("points", values.points ?? String(sizes.points)),
    seed: whole("seed", values.seed),
    python: pythonOf(values.python),
  };
}
