import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import type { Size } from "../../src/imaging/types.ts";
import type { DecoderTask } from "../../src/inference/decoder/task.ts";
import { graphFor, mostTokens, readGraphs } from "../../src/graphs/files.ts";
import { createInference } from "../../src/inference/index.ts";
import { packWeights } from "../../src/inference/decoder/packed-weights.ts";
import { type PromptTokens, promptTokens } from "../../src/inference/decoder/prompt-tokens.ts";
import { runDecoder } from "../../src/inference/decoder/run.ts";
import type { ImageEmbedding, Prompt } from "../../src/inference/types.ts";
import type { ViewTask } from "../../src/inference/decoder/view-task.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { buildGraphs } from "../../src/graphs/build.ts";
import { LocalStore } from "../../src/storage/local.ts";
import { asSharp } from "../../test/worlds/images.ts";
import { sceneImage } from "../../test/worlds/scene.ts";

export interface DecodeCase {
  readonly what: string;
  /** What a decode worker is sent, the prefix with it. */
  readonly task: ViewTask;
  /** The same as its decoder takes it. */
  readonly decoder: DecoderTask;
  readonly tokens: readonly PromptTokens[];
  readonly size: Size;
  /** Pixels of the object. */
  readonly truth: number;
}

/** [width, height]. */
const sizes = [
  [1024, 768],
  [768, 1024],
  [1024, 1024],
] as const;
/** A disc of the drawn scene, which is stretched to these sizes, and the scene's own size. */
const [disc, scene] = [{ x: 50, y: 45, r: 28 }, [240, 180] as const];

/** One box and one point on each size of the drawn scene, really encoded by MobileSAM. */
export async function openCases(threads: number): Promise<DecodeCase[]> {
  await buildGraphs();
  const weights = packWeights("base:mobile_sam", await baseModel("mobile_sam").decoderWeights());
  const graphs = readGraphs();
  const cases: DecodeCase[] = [];
  for (const [embedding, [sx, sy]] of await embeddings(threads)) {
    const { width, height } = embedding;
    const size = [height, width] as const;
    const box = [disc.x - disc.r, disc.y - disc.r, disc.x + disc.r, disc.y + disc.r] as const;
    const prompts: Record<string, Prompt> = {
      "one box": { box: [box[0] * sx, box[1] * sy, box[2] * sx, box[3] * sy] },
      "one point": { points: [[disc.x * sx, disc.y * sy, 1]] },
    };
    for (const [kind, prompt] of Object.entries(prompts)) {
      const tokens = promptTokens(prompt, size, mostTokens(graphs, false));
      const graph = graphFor(graphs, tokens.labels.length, false);
      const own = { graph, threads, weights, embedding };
      const { prefix } = await runDecoder({ ...own, prefix: "make" }, [tokens], { wanted: "first" });
      if (!prefix) throw new Error("the decoder made no prefix");
      const window = [0, 0, width, height] as const;
      const wish = { multimask: false, format: "rle", polygonTolerance: 0, lowRes: true } as const;
      cases.push({
        what: `${width} x ${height}, ${kind}`,
        task: {
          ...own,
          size,
          views: [{ region: window, embedding, prefix }],
          refine: null,
          near: false,
          prompts: [{ index: 0, window, tokens: [tokens], box: prompt.box ?? null, wish }],
        },
        decoder: { ...own, prefix },
        tokens: [tokens],
        size,
        truth: Math.PI * disc.r ** 2 * sx * sy,
      });
    }
  }
  return cases;
}

/** With how far the scene is stretched, across and down. */
async function embeddings(threads: number): Promise<[ImageEmbedding, [number, number]][]> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-bench-decode-"));
  const limits = { cacheEntries: 4, prefixBytes: 0, decodeWorkers: 1, maxImagePixels: 2 ** 21 };
  const inference = await createInference({ store: new LocalStore(folder), threads, ...limits });
  try {
    const made: [ImageEmbedding, [number, number]][] = [];
    for (const [width, height] of sizes) {
      const png = await asSharp(sceneImage()).resize(width, height, { fit: "fill" }).png().toBuffer();
      const source = { sha256: sha256(png), bytes: () => Promise.resolve(png) };
      const { embedding } = await inference.embed(source, {
        workspaceId: "ws_bench",
        baseModel: "mobile_sam",
      });
      made.push([embedding, [width / scene[0], height / scene[1]]]);
    }
    return made;
  } finally {
    await inference.close();
    await rm(folder, { recursive: true });
  }
}
