import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { BaseModels } from "../../base-models/registry.ts";
import type { BaseModel } from "../../checkpoint/base-models.ts";
import { boxOf } from "../../imaging/geometry.ts";
import { iou } from "../../imaging/metrics.ts";
import { decodeRle, encodeRle } from "../../imaging/rle.ts";
import type { BinaryMask } from "../../imaging/types.ts";
import { createInference } from "../../inference/index.ts";
import type { Inference } from "../../inference/inference.ts";
import type { ImageSource, Prompt } from "../../inference/types.ts";
import { sha256 } from "../../lib/hash.ts";
import { drawPage } from "../../samples/pages.ts";
import { LocalStore } from "../../storage/local.ts";
import type { ObjectStore } from "../../storage/store.ts";
import { firstClick } from "../../training/evaluation/clicks.ts";

/** The first page is only there to load an encoder. */
const pages = 4;

export interface Comparison {
  /** How like the two's masks are, over all prompts. */
  readonly meanIou: number;
  readonly leastIou: number;
  readonly prompts: number;
  /** The draft's time for an image by the exact encoder's: the median of the pages. */
  readonly time: number;
}

/**
 * Two base models of the same decoder side by side, on drawn pages: a box and a click for each stamp. Nothing that they
 * make is kept; embeddings lie in a folder below `workFolder` meanwhile.
 */
export async function compareEncoders(
  exact: BaseModel,
  draft: BaseModel,
  parts: { store: ObjectStore; modelsFolder: string; workFolder: string },
): Promise<Comparison> {
  const folder = await mkdtemp(join(parts.workFolder, "compare-"));
  const store = new LocalStore(folder);
  const inference = await createInference({
    store,
    models: new WithDraft(parts.store, parts.modelsFolder, draft),
    cacheEntries: 2 * pages,
    prefixBytes: 0,
    threads: 0,
    decodeWorkers: 1,
    maxImagePixels: 4_000_000,
  });
  try {
    const drawn = await Promise.all(Array.from({ length: pages }, (_, i) => drawPage(1, i)));
    const images = drawn.map(({ jpeg, stamps }) => ({
      source: { sha256: sha256(jpeg), bytes: () => Promise.resolve(jpeg) },
      prompts: stamps.flatMap(({ mask }): Prompt[] => [
        { box: boxOf(mask) },
        { points: [firstClick(encodeRle(mask))] },
      ]),
    }));
    const [first, second] = [
      await answers(inference, exact, images),
      await answers(inference, draft, images),
    ];
    const ious = first.masks.map((mask, i) => iou(mask, second.masks[i] as BinaryMask));
    const times = first.times.slice(1).map((ms, i) => (second.times[i + 1] as number) / ms);
    return {
      meanIou: ious.reduce((a, b) => a + b, 0) / ious.length,
      leastIou: Math.min(...ious),
      prompts: ious.length,
      time: times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] as number,
    };
  } finally {
    await inference.close();
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The base models that there are, and one that is not stored yet. */
class WithDraft extends BaseModels {
  readonly #draft: BaseModel;

  constructor(store: ObjectStore, folder: string, draft: BaseModel) {
    super(store, folder);
    this.#draft = draft;
  }

  override async get(name: string): Promise<BaseModel> {
    return name === this.#draft.name ? this.#draft : super.get(name);
  }
}

/** A model's masks for all prompts, and the milliseconds that each image took to be encoded. */
async function answers(
  inference: Inference,
  { name }: BaseModel,
  images: readonly { source: ImageSource; prompts: readonly Prompt[] }[],
): Promise<{ masks: BinaryMask[]; times: number[] }> {
  const masks: BinaryMask[] = [];
  const times: number[] = [];
  const own = { workspaceId: "compare", baseModel: name };
  for (const { source, prompts } of images) {
    const started = performance.now();
    await inference.embed(source, own);
    times.push(performance.now() - started);
    const { results } = await inference.predict({
      ...own,
      image: source,
      versions: [{ number: 0 }],
      prompts,
      multimask: false,
      format: "rle",
    });
    for (const { masks: found } of results[0]?.predictions ?? []) {
      const mask = found[0]?.mask;
      if (mask?.format !== "rle") throw new Error("a prompt was answered without a mask");
      masks.push(decodeRle(mask));
    }
  }
  return { masks, times };
}
