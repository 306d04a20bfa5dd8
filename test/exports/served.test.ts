import ort from "../../src/lib/onnxruntime.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { decodeImage } from "../../src/imaging/decode.ts";
import { iou } from "../../src/imaging/metrics.ts";
import type { RgbImage } from "../../src/imaging/types.ts";
import { promptTokens } from "../../src/inference/decoder/prompt-tokens.ts";
import type { Prompt } from "../../src/inference/types.ts";
import type { Inference } from "../../src/inference/inference.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { asSharp } from "../worlds/images.ts";
import { testInference } from "../helpers/inference.ts";
import { localTestStore, type TestStore } from "../helpers/objects.ts";
import { sceneImage } from "../worlds/scene.ts";
import { apiMasks, exported, focuses, versionWith } from "../worlds/bundles.ts";

// Two encodes; on a busy machine that takes a minute.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

let storage: TestStore;
let inference: Inference;
/** The second is refined at a smaller scale than its own. */
let images: (Shown & { by: number })[];
beforeAll(async () => {
  storage = await localTestStore();
  inference = await testInference(storage.store);
  images = [];
  for (const side of [240, 1300]) images.push({ ...(await shown(side)), by: side / 240 });
});
afterAll(async () => {
  await inference?.close();
  await storage?.close();
});

/** An image as a file, as pixels, and as the decoder's input. */
interface Shown {
  readonly bytes: Uint8Array;
  readonly image: RgbImage;
  readonly embedding: Float32Array;
}

async function shown(side: number): Promise<Shown> {
  const bytes = await asSharp(sceneImage()).resize({ width: side }).png().toBuffer();
  const source = { sha256: sha256(bytes), bytes: async () => bytes };
  const { embedding } = await inference.embed(source, { workspaceId: "ws_1", baseModel: "mobile_sam" });
  const channelsFirst = new Float32Array(256 * 4096);
  for (let cell = 0, from = 0; cell < 4096; cell++)
    for (let c = 0; c < 256; c++, from++) channelsFirst[c * 4096 + cell] = embedding.data[from] as number;
  return { bytes, image: await decodeImage(bytes, { maxPixels: 1e7 }), embedding: channelsFirst };
}

/** The mask of a served ONNX file, Meta's inputs and the image given. */
async function answer(
  session: ort.InferenceSession,
  { image, embedding }: Shown,
  prompt: Prompt,
): Promise<{ mask: { width: number; height: number; data: Uint8Array }; score: number }> {
  const { width, height, data } = image;
  const { coords, labels } = promptTokens(prompt, [height, width], 64);
  const float = (values: ArrayLike<number>, dims: number[]): ort.Tensor =>
    new ort.Tensor(Float32Array.from(values), dims);
  const { masks, iou_predictions: scores } = await session.run({
    image_embeddings: float(embedding, [1, 256, 64, 64]),
    point_coords: float(coords, [1, labels.length, 2]),
    point_labels: float(labels, [1, labels.length]),
    mask_input: float(new Float32Array(65_536), [1, 1, 256, 256]),
    has_mask_input: float([0], [1]),
    orig_im_size: float([height, width], [2]),
    image: new ort.Tensor("uint8", Uint8Array.from(data), [height, width, 3]),
  });
  expect(masks?.dims).toEqual([1, 1, height, width]);
  const [logits, [score]] = [masks?.data, scores?.data] as [Float32Array, Float32Array];
  const mask = Uint8Array.from(logits, (logit) => (logit > 0 ? 1 : 0));
  return { mask: { width, height, data: mask }, score: score as number };
}

describe("the ONNX file `served`, with what refines masks inside", () => {
  it.each(["a point head", "a guided filter"])("answers as predict does: %s", async (name) => {
    const version = await versionWith(storage.store, focuses[name] as (typeof focuses)[string]);
    const file = await exported(storage.store, version, { format: "onnx", variant: "served" });
    const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
    for (const one of images) {
      const { by } = one;
      const prompts: Prompt[] = [
        { box: [20 * by, 15 * by, 80 * by, 75 * by] },
        { points: [[150 * by, 140 * by, 1]] },
        {
          box: [108 * by, 18 * by, 172 * by, 62 * by],
          points: [
            [120 * by, 30 * by, 1],
            [50 * by, 45 * by, 0],
          ],
        },
      ];
      const wanted = await apiMasks(inference, version, { bytes: one.bytes, prompts });
      for (const [i, prompt] of prompts.entries()) {
        const found = await answer(session, one, prompt);
        const { data, score } = wanted[i] as (typeof wanted)[number];
        expect(iou(found.mask, { ...found.mask, data })).toBeGreaterThan(0.995);
        expect(found.score).toBeCloseTo(score, 4);
      }
    }
    await session.release();
  });

  it("wants no image where a version refines nothing, and is told apart from its decoder where it does", async () => {
    const inputs = async (name: string, variant: "served" | "all"): Promise<readonly string[]> => {
      const version = await versionWith(storage.store, focuses[name] as (typeof focuses)[string]);
      const file = await exported(storage.store, version, { format: "onnx", variant });
      const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
      const names = session.inputNames;
      await session.release();
      return names;
    };
    expect(await inputs("the whole image", "served")).not.toContain("image");
    expect(await inputs("a guided filter", "served")).toContain("image");
    expect(await inputs("a guided filter", "all")).not.toContain("image");
  });
});
