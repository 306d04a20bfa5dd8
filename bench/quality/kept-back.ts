import { readFileSync } from "node:fs";
import type { Releases } from "../../src/lib/releases.ts";
import { sha256 } from "../../src/lib/hash.ts";
import type { PreparedData } from "../../src/training/data/prepare.ts";
import { groupsInOrder } from "../../src/training/data/groups.ts";
import { promptMetrics } from "../../src/training/evaluation/evaluation.ts";
import type { Sample } from "../../src/training/data/samples.ts";
import type { WantedImage } from "../lib/product/data-zip.ts";
import { zipOf } from "../lib/product/data-zip.ts";
import type { FineTuned, Product } from "../lib/product/product.ts";
import type { QualityOptions } from "./options.ts";
import type { KeptBackReport } from "./report.ts";

/** Images that no fine-tune is given and that judge what is served in the end, as a user's own new images would. */
export interface KeptBack {
  /** Whether an image, by its path, is given to the fine-tunes. */
  readonly isGiven: WantedImage;
  judge(tuned: FineTuned): Promise<KeptBackReport>;
}

/**
 * Keeps about so many images of the data back, whole groups of them, in the order of hashes of seed and group, and puts
 * them into a project of their own.
 * @param all the data, all of it
 */
export async function keepBack(
  product: Product,
  all: PreparedData,
  { options, count, releases }: { options: QualityOptions; count: number; releases: Releases },
): Promise<KeptBack> {
  const groups = groupsInOrder(all.frozen.snapshot.images, all.groupOf, `${options.seed}:kept back`);
  const kept = new Set<string>();
  for (const { items } of groups) {
    if (kept.size + items.length / 2 > count) continue;
    for (const image of items) kept.add(image.sha256);
  }
  const isGiven: WantedImage = (path) => !kept.has(sha256(readFileSync(path)));
  const { zip } = await zipOf(options, releases, (path) => !isGiven(path));
  const scope = await product.newProject("what is kept back", zip, releases);
  const data = await product.prepare(scope, options.seed);
  const heldOut = [...new Set<Sample>([...data.train, ...data.selection, ...data.heldOut])];
  const judged = { ...data, heldOut };
  return {
    isGiven,
    judge: async ({ version }) => {
      const { base, tuned, asJudged } = await product.scoreAll(judged, version);
      const { groupOf } = data;
      const scores = promptMetrics({ kind: "box", samples: heldOut, base, tuned }, groupOf);
      const twin = promptMetrics({ kind: "box", samples: heldOut, base, tuned: asJudged }, groupOf);
      return {
        images: data.images,
        annotations: heldOut.length,
        groups: scores.groups,
        base_mean_iou: scores.base.meanIou,
        mean_iou: scores.tuned.meanIou,
        gain: scores.gain.iou,
        twin_mean_iou: twin.tuned.meanIou,
      };
    },
  };
}
