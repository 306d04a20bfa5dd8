import type { ProjectScope } from "../../src/db/queries/scope.ts";
import { getProject } from "../../src/db/queries/projects.ts";
import type { FindingVersion } from "../../src/inference/find/types.ts";
import type { PreparedData } from "../../src/training/data/prepare.ts";
import { lessonsOf } from "../../src/training/finder/lessons.ts";
import type { Product } from "../lib/product/product.ts";

/** Milliseconds of one image: all its objects found, and one box answered, embeddings in memory. */
export interface Timed {
  readonly objects: number;
  readonly findMs: number;
  readonly boxMs: number;
}

const [mostImages, rounds, mostObjects] = [5, 5, 20];

/** Times both in turn on held-out images, medians of five rounds each. */
export async function timeFinding(
  { trainer }: Product,
  scope: ProjectScope,
  data: PreparedData,
  version: FindingVersion,
): Promise<Timed[]> {
  const { baseModel } = await getProject(trainer.db, scope);
  const times: Timed[] = [];
  for (const { image, samples } of lessonsOf(data.heldOut).slice(0, mostImages)) {
    const size = [image.height, image.width] as const;
    const common = {
      workspaceId: scope.workspaceId,
      baseModel,
      image: { sha256: image.sha256, bytes: async () => trainer.store.get(image.object_key), size },
    };
    const find = () =>
      trainer.inference.find({
        ...common,
        versions: [version],
        asks: [{}],
        most: mostObjects,
        format: "rle",
        maxAnswerText: Number.POSITIVE_INFINITY,
      });
    const prompt = { box: samples[0]?.annotation.box };
    const box = () =>
      trainer.inference.predict({
        ...common,
        size,
        versions: [version],
        prompts: [prompt],
        multimask: false,
        format: "rle",
      });
    const found: number[] = [];
    const boxed: number[] = [];
    let objects = 0;
    for (let round = -1; round < rounds; round++) {
      const result = await find();
      const own = await box();
      if (round < 0) continue;
      objects = result.results[0]?.asks[0]?.objects.length ?? 0;
      found.push(result.timingMs.total);
      boxed.push(own.timingMs.total);
    }
    const middle = (values: number[]): number => values.toSorted((a, b) => a - b)[rounds >> 1] as number;
    times.push({ objects, findMs: middle(found), boxMs: middle(boxed) });
  }
  return times;
}
