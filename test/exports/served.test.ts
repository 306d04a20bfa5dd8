import ort from "../../src/lib/onnxruntime.ts";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { decodeImage } from "../../src/imaging/decode.ts";
import { iou } from "../../src/imaging/metrics.ts";
import type { RgbImage } from "../../src/imaging/types.ts";
import { promptTokens } from "../../src/inference/decoder/prompt-tokens.ts";
import type { Prompt } from "../../src/inference/types.ts";
import type { Inference } from "../../src/inference/inference.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { asSharp } from "../worlds/images.ts";
import { addSam2Model, sam2Name } from "../worlds/sam2-model.ts";
import { embeddingParts, type ModelFamily } from "../../src/domain/model-family.ts";
import { testInference } from "../helpers/inference.ts";
import { localTestStore } from "../helpers/objects.ts";
import { sceneImage } from "../worlds/scene.ts";
import { apiMasks, exported, focuses, versionWith } from "../worlds/bundles.ts";

// Three encodes; on a busy machine that takes a minute.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

let storage: Awaited<ReturnType<typeof localTestStore>>;
let inference: Inference;
/** The second is refined at a smaller scale than its own. */
let images: (Shown & { by: number })[];
/** Encoded by a SAM 2. */
let stretched: Shown & { by: number };
beforeAll(async () => {
  storage = await localTestStore();
  inference = await testInference(storage.store, { modelsFolder: join(storage.dir, "models") });
  await addSam2Model(storage.store);
  stretched = { ...(await shown(300, sam2Name)), by: 300 / 240 };
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

async function shown(side: number, baseModel = "mobile_sam"): Promise<Shown> {
  const bytes = await asSharp(sceneImage()).resize({ width: side }).png().toBuffer();
  const source = { sha256: sha256(bytes), bytes: async () => bytes };
  const { embedding } = await inference.embed(source, { workspaceId: "ws_1", baseModel });
  const { buffer, byteOffset, length } = await inference.channelsFirst(embedding);
  const data = new Float32Array(buffer, byteOffset, length / 4);
  return { bytes, image: await decodeImage(bytes, { maxPixels: 1e7 }), embedding: data };
}

const float = (values: ArrayLike<number>, dims: readonly number[]): ort.Tensor =>
  new ort.Tensor(Float32Array.from(values), dims);

/** The embedding and the prompt's tokens, by the names of a family's file. */
function inputsOf({ image: { width, height }, embedding }: Shown, prompt: Prompt, family: ModelFamily) {
  const { coords, labels } = promptTokens(prompt, [height, width], 64, family);
  // A SAM 2's file adds the padding point itself
  const count = family === "sam2" ? labels.length - 1 : labels.length;
  const names =
    family === "sam" ? ["image_embeddings"] : ["image_embed", "high_res_feats_0", "high_res_feats_1"];
  const parts = embeddingParts[family].map(({ offset, length, shape }, i) => [
    names[i] as string,
    float(embedding.subarray(offset, offset + length), [1, ...shape]),
  ]);
  return {
    ...(Object.fromEntries(parts) as Record<string, ort.Tensor>),
    point_coords: float(coords.subarray(0, 2 * count), [1, count, 2]),
    point_labels: float(labels.slice(0, count), [1, count]),
  };
}

/** The mask of a served ONNX file, Meta's inputs and, where it wants it, the image given. */
async function answer(
  session: ort.InferenceSession,
  one: Shown,
  prompt: Prompt,
  family: ModelFamily = "sam",
): Promise<{ mask: { width: number; height: number; data: Uint8Array }; score: number }> {
  const { width, height, data } = one.image;
  const image = new ort.Tensor("uint8", Uint8Array.from(data), [height, width, 3]);
  const { masks, iou_predictions: scores } = await session.run({
    ...inputsOf(one, prompt, family),
    mask_input: float(new Float32Array(65_536), [1, 1, 256, 256]),
    has_mask_input: float([0], [1]),
    orig_im_size: float([height, width], [2]),
    ...(session.inputNames.includes("image") && { image }),
  });
  expect(masks?.dims).toEqual([1, 1, height, width]);
  const [logits, [score]] = [masks?.data, scores?.data] as [Float32Array, Float32Array];
  const mask = Uint8Array.from(logits, (logit) => (logit > 0 ? 1 : 0));
  return { mask: { width, height, data: mask }, score: score as number };
}

const promptsAt = (by: number): Prompt[] => [
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

describe("the ONNX file `served`, with what refines masks inside", () => {
  it.each(["a point head", "a guided filter"])("answers as predict does: %s", async (name) => {
    const version = await versionWith(storage.store, focuses[name] as (typeof focuses)[string]);
    const file = await exported(storage.store, version, { format: "onnx", variant: "served" });
    const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
    for (const one of images) {
      const { by } = one;
      const prompts = promptsAt(by);
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

describe("the ONNX file `served` of a SAM 2", () => {
  it.each(["the whole image", "a point head", "a guided filter", "the base"])(
    "answers as predict does: %s",
    async (name) => {
      const base = await inference.baseModel(sam2Name);
      const focus = focuses[name];
      const version = focus ? await versionWith(storage.store, focus, base) : null;
      const file = await exported(storage.store, version, { format: "onnx", variant: "served" }, base);
      const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
      expect(session.inputNames.includes("image")).toBe(version?.focus.refine != null);
      const prompts = promptsAt(stretched.by);
      const asked = version ?? { number: 0, baseModel: sam2Name };
      const wanted = await apiMasks(inference, asked, { bytes: stretched.bytes, prompts });
      for (const [i, prompt] of prompts.entries()) {
        const found = await answer(session, stretched, prompt, "sam2");
        const { data, score } = wanted[i] as (typeof wanted)[number];
        expect(iou(found.mask, { ...found.mask, data })).toBeGreaterThan(0.995);
        expect(found.score).toBeCloseTo(score, 4);
      }
      await session.release();
    },
  );
});
