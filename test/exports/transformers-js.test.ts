import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pathToFileURL } from "node:url";
import ort from "../../src/lib/onnxruntime.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type BaseModel, baseModel } from "../../src/checkpoint/base-models.ts";
import { transformersJsEntries } from "../../src/exports/transformers-js/entries.ts";
import { decodeImage } from "../../src/imaging/decode.ts";
import { iou } from "../../src/imaging/metrics.ts";
import { maskAtSize } from "../../src/imaging/postprocess.ts";
import { encoderInput } from "../../src/imaging/preprocess.ts";
import type { RgbImage } from "../../src/imaging/types.ts";
import type { Prompt } from "../../src/inference/types.ts";
import type { Inference } from "../../src/inference/inference.ts";
import { dataType, decodeModel, encodeModel } from "../../src/lib/onnx-proto.ts";
import { testInference } from "../helpers/inference.ts";
import { localTestStore, type TestStore } from "../helpers/objects.ts";
import { filesOf } from "../helpers/unzip.ts";
import { apiMasks, exported, focuses, versionWith } from "../worlds/bundles.ts";
import { asSharp } from "../worlds/images.ts";
import { sceneImage } from "../worlds/scene.ts";

/** The folder without transformers.js itself, which test/peers/transformers-js.peer.ts brings. */

// Three encodes; on a busy machine that takes minutes.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

interface Inputs {
  readonly pixel_values: ort.Tensor;
  readonly input_points: ort.Tensor;
  readonly input_labels: ort.Tensor;
}
type Preprocess = (
  image: RgbImage & { channels?: number },
  tensor: typeof ort.Tensor,
  prompts: readonly Prompt[],
) => Inputs;

const prompts: Prompt[] = [
  { box: [29, 22, 116, 108] },
  { points: [[217, 203, 1]] },
  {
    box: [156, 26, 249, 90],
    points: [
      [174, 43, 1],
      [72, 65, 0],
    ],
  },
];

let storage: TestStore;
let inference: Inference;
let folder: string;
let files: Map<string, Buffer>;
let preprocess: Preprocess;
let bytes: Uint8Array;
let image: RgbImage;
let wanted: Awaited<ReturnType<typeof apiMasks>>;
beforeAll(async () => {
  storage = await localTestStore();
  inference = await testInference(storage.store);
  folder = await mkdtemp(join(tmpdir(), "maskwright-transformers-js-"));
  const version = await versionWith(storage.store, focuses["the whole image"] as (typeof focuses)[string]);
  files = await filesOf(await exported(storage.store, version, { format: "transformersjs" }));
  const script = join(folder, "preprocess.mjs");
  await writeFile(script, files.get("preprocess.mjs") as Buffer);
  ({ preprocess } = (await import(pathToFileURL(script).href)) as { preprocess: Preprocess });
  // Sides that scale to no whole number: 1024 x 665.38.
  bytes = await asSharp(sceneImage()).resize({ width: 347, height: 240, fit: "fill" }).png().toBuffer();
  image = await decodeImage(bytes, { maxPixels: 1e7 });
  wanted = await apiMasks(inference, version, { bytes, prompts });
});
afterAll(async () => {
  await inference?.close();
  await storage?.close();
  await rm(folder, { recursive: true, force: true });
});

async function run(file: string, feeds: Record<string, ort.Tensor>): Promise<Record<string, ort.Tensor>> {
  const options = { intraOpNumThreads: 1, logSeverityLevel: 3 as const };
  const session = await ort.InferenceSession.create(files.get(`onnx/${file}.onnx`) as Buffer, options);
  expect([...session.inputNames].sort()).toEqual(Object.keys(feeds).sort());
  const outputs = await session.run(feeds);
  await session.release();
  return outputs;
}

describe("a folder for transformers.js", () => {
  it("has the files that SamModel asks for, exact and in 8 bits", () => {
    expect([...files.keys()]).toEqual([
      "README.md",
      "config.json",
      "preprocessor_config.json",
      "preprocess.mjs",
      "onnx/vision_encoder.onnx",
      "onnx/vision_encoder_quantized.onnx",
      "onnx/prompt_encoder_mask_decoder.onnx",
      "onnx/prompt_encoder_mask_decoder_quantized.onnx",
    ]);
    const config = JSON.parse(files.get("config.json")?.toString() ?? "") as Record<string, unknown>;
    expect(config).toMatchObject({ model_type: "sam", architectures: ["SamModel"] });
    expect(config).not.toHaveProperty("transformers.js_config");
    for (const name of ["vision_encoder", "prompt_encoder_mask_decoder"])
      expect(files.get(`onnx/${name}_quantized.onnx`)?.length).toBeLessThan(
        0.65 * (files.get(`onnx/${name}.onnx`)?.length ?? 0),
      );
  });

  it("brings images as the API does, at every scale", () => {
    for (const [width, height] of [
      [347, 240],
      [53, 1024],
      [1500, 1100],
    ] as const) {
      const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * i * 7 + (i >> 5)) & 255);
      const frame = preprocess({ width, height, data }, ort.Tensor, [{ points: [[1, 1, 1]] }]);
      const found = frame.pixel_values.data as Float32Array;
      const ours = encoderInput({ width, height, data });
      const apart = found.reduce(
        (most, value, i) => Math.max(most, Math.abs(value - (ours[i] as number))),
        0,
      );
      expect(apart).toBeLessThan(1e-6);
    }
  });

  it("sees a grey image, with transparency or without, as the same in RGB", () => {
    const grey = Uint8Array.from({ length: 40 * 30 }, (_, i) => (i * 37) & 255);
    const as = (channels: number): unknown => {
      const data = Uint8Array.from({ length: 1200 * channels }, (_, i) => {
        const isAlpha = channels % 2 === 0 && i % channels === channels - 1;
        return isAlpha ? 7 : (grey[Math.floor(i / channels)] as number);
      });
      return preprocess({ width: 40, height: 30, data, channels }, ort.Tensor, [{ box: [1, 2, 30, 20] }])
        .pixel_values.data;
    };
    const coloured = as(3);
    for (const channels of [1, 2, 4]) expect(as(channels)).toEqual(coloured);
  });

  it.each([
    ["", 0.999, 4],
    ["_quantized", 0.99, 1],
  ])("answers as predict does, several prompts at once%s", async (suffix, least, digits) => {
    const {
      pixel_values: pixels,
      input_points: points,
      input_labels: labels,
    } = preprocess(image, ort.Tensor, prompts);
    const embedded = await run(`vision_encoder${suffix}`, { pixel_values: pixels });
    expect(Object.keys(embedded).sort()).toEqual(["image_embeddings", "image_positional_embeddings"]);
    const { pred_masks: masks, iou_scores: scores } = await run(`prompt_encoder_mask_decoder${suffix}`, {
      ...embedded,
      input_points: points,
      input_labels: labels,
    });
    expect([masks?.dims, scores?.dims]).toEqual([
      [1, 3, 1, 256, 256],
      [1, 3, 1],
    ]);
    const [logits, predictions] = [masks?.data, scores?.data] as [Float32Array, Float32Array];
    for (const [i, { data, score }] of wanted.entries()) {
      const lowRes = logits.subarray(i * 65_536, (i + 1) * 65_536);
      const found = maskAtSize(lowRes, [image.height, image.width]);
      expect(iou(found, { ...found, data })).toBeGreaterThan(least);
      expect(predictions[i]).toBeCloseTo(score, digits);
    }
  });

  it("carries an encoder whose weights lie apart exactly, and tells transformers.js so", async () => {
    const other = await withWeightsApart();
    const decoder = await other.decoderWeights();
    const entries = await transformersJsEntries(
      { projectId: "prj_1", base: other, version: null },
      { readme: { path: "README.md", content: Buffer.of() }, metadata: {}, weights: decoder },
    );
    const content = async (path: string): Promise<Buffer> => {
      const made = entries.find((entry) => entry.path === path)?.content;
      return typeof made === "function" ? buffer(made()) : Buffer.from(made ?? []);
    };
    expect(entries.map(({ path }) => path).filter((path) => path.includes("encoder."))).toEqual([
      "onnx/vision_encoder.onnx",
      "onnx/vision_encoder.onnx_data",
    ]);
    expect(entries.some(({ path }) => path.includes("encoder_quantized"))).toBe(false);
    expect(JSON.parse((await content("config.json")).toString())).toMatchObject({
      "transformers.js_config": {
        dtype: { vision_encoder: "fp32", prompt_encoder_mask_decoder: "fp32" },
        use_external_data_format: { "vision_encoder.onnx": 1 },
      },
    });
    const graph = decodeModel(await content("onnx/vision_encoder.onnx")).graph;
    const places = graph.initializer.flatMap(({ externalData = [] }) => externalData);
    expect(places.filter(({ key }) => key === "location").map(({ value }) => value)).toEqual([
      "vision_encoder.onnx_data",
    ]);
    expect(await content("onnx/vision_encoder.onnx_data")).toHaveLength(16);
  });

  it("refuses an encoder that takes pixels", async () => {
    const base: BaseModel = { ...baseModel("mobile_sam"), name: "pair", encoderInput: "rgb" };
    const weights = await base.decoderWeights();
    const readme = { path: "README.md", content: Buffer.of() };
    await expect(
      transformersJsEntries({ projectId: "prj_1", base, version: null }, { readme, metadata: {}, weights }),
    ).rejects.toMatchObject({ code: "export_full_unavailable", param: "format" });
  });
});

/** A base whose encoder is a graph of no use with one weight of four values, which lies in another file. */
async function withWeightsApart(): Promise<BaseModel> {
  const path = join(folder, "encoder.onnx");
  const weight = {
    name: "weight",
    dims: [4],
    dataType: dataType.float,
    dataLocation: 1,
    externalData: [
      { key: "location", value: "weights.bin" },
      { key: "offset", value: "0" },
      { key: "length", value: "16" },
    ],
  };
  await writeFile(join(folder, "weights.bin"), Buffer.alloc(16));
  const graph = {
    name: "encoder",
    node: [{ opType: "Add", input: ["x", "weight"], output: ["y"], attribute: [] }],
    initializer: [weight],
    input: [{ name: "x" }],
    output: [{ name: "y" }],
  };
  await writeFile(path, encodeModel({ irVersion: 8, opsetImport: [{ domain: "", version: 17 }], graph }));
  return { ...baseModel("mobile_sam"), encoderPath: async () => path };
}
