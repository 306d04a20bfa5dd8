import { createWriteStream } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readDecoderFile } from "../../src/base-models/decoder-file.ts";
import { type Imported, importBaseModel } from "../../src/base-models/import-base-model.ts";
import { BaseModels } from "../../src/base-models/registry.ts";
import type { BaseModel } from "../../src/checkpoint/base-models.ts";
import { huggingFaceHieraName } from "../../src/checkpoint/hiera-names.ts";
import { hieraLayout } from "../../src/checkpoint/hiera-layout.ts";
import { decodeSafetensors, encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { embeddingParts } from "../../src/domain/model-family.ts";
import { decodeModel } from "../../src/lib/onnx-proto.ts";
import ort from "../../src/lib/onnxruntime.ts";
import type { Version } from "../../src/db/queries/versions.ts";
import { exportVersion } from "../../src/exports/index.ts";
import type { ExportOptions } from "../../src/exports/types.ts";
import { localTestStore } from "../helpers/objects.ts";
import { tinyHiera, tinyRepVit } from "../helpers/tiny-encoder.ts";
import { filesOf } from "../helpers/unzip.ts";
import { tinySam2Pt } from "../base-models/sam2-files.ts";
import { versionWith } from "../worlds/bundles.ts";
import { plainFocus } from "../../src/domain/focus.ts";

let storage: Awaited<ReturnType<typeof localTestStore>>;
let folder: string;
let models: BaseModels;
let imported: Imported;
let base: BaseModel;
const architectures = { tiny: tinyHiera, tinyRepVit };

beforeAll(async () => {
  storage = await localTestStore();
  folder = join(storage.dir, "files");
  await mkdir(folder);
  models = new BaseModels(storage.store, join(storage.dir, "models"));
  imported = await importAs("first", await tinySam2Pt(folder));
  base = await models.get("first");
});
afterAll(() => storage.close());

const importAs = (name: string, ...paths: string[]): Promise<Imported> =>
  importBaseModel({
    store: storage.store,
    models,
    paths,
    name,
    workFolder: join(storage.dir, "import"),
    architectures,
  });

async function exported(
  options: Pick<ExportOptions, "format"> & Partial<ExportOptions>,
  version: Version | null = null,
  of = base,
): Promise<Readable> {
  const subject = { projectId: "prj_1", base: of, version, architectures };
  const { content } = await exportVersion(storage.store, subject, {
    full: false,
    variant: "all",
    ...options,
  });
  return content instanceof Readable ? content : Readable.from([content]);
}

/** A file of an export, by a name of its own. */
async function written(name: string, content: Readable): Promise<string> {
  const path = join(folder, name);
  await pipeline(content, createWriteStream(path));
  return path;
}

/** Equal where names, shapes and every bit are. */
const bytesOf = async (model: BaseModel): Promise<Buffer> =>
  Buffer.from(encodeSafetensors(await model.decoderWeights()));

describe("a SAM 2 exported", () => {
  test.each(["pth", "safetensors"] as const)(
    "whole as %s is the same model when it is imported again, bit for bit",
    async (format) => {
      const path = await written(`again.${format}`, await exported({ format, full: true }));
      const { manifest, notes } = await importAs(`again_${format}`, path);
      expect([manifest.family, manifest.type, notes]).toEqual(["sam2", "tiny", []]);
      expect(manifest.parameters).toBe(imported.manifest.parameters);
      expect(manifest.embedding_id).toBe(imported.manifest.embedding_id);
      expect(await bytesOf(await models.get(`again_${format}`))).toEqual(await bytesOf(base));
    },
  );

  test("whole as hf is Sam2Model's tensors, and the same model when it is imported again", async () => {
    const files = await filesOf(await buffer(await exported({ format: "hf", full: true })));
    expect([...files.keys()]).toEqual([
      "README.md",
      "config.json",
      "preprocessor_config.json",
      "model.safetensors",
    ]);
    const config = JSON.parse(String(files.get("config.json"))) as Record<string, Record<string, unknown>>;
    expect(config["vision_config"]?.["backbone_config"]).toMatchObject({
      num_channels: 3,
      hidden_size: 8,
      blocks_per_stage: [1, 1, 2, 1],
      embed_dim_per_stage: [8, 16, 32, 64],
    });
    expect(config["mask_decoder_config"]?.["dynamic_multimask_via_stability"]).toBe(true);
    const { tensors } = decodeSafetensors(files.get("model.safetensors") as Buffer);
    const encoder = Object.keys(hieraLayout(tinyHiera)).map(huggingFaceHieraName);
    // Four point embeddings are one tensor, and the positional matrix is there twice
    expect(Object.keys(tensors)).toHaveLength(encoder.length + 144 - 3 + 1);
    expect(Object.keys(tensors)).toEqual(expect.arrayContaining(encoder));
    const path = await written(
      "model.safetensors",
      Readable.from([files.get("model.safetensors") as Buffer]),
    );
    const { manifest } = await importAs("again_hf", path);
    expect(manifest.embedding_id).toBe(imported.manifest.embedding_id);
    expect(await bytesOf(await models.get("again_hf"))).toEqual(await bytesOf(base));
  });
});

test("a SAM 2's onnx with its encoder is samexporter's folder, and comes back by import", async () => {
  const files = await filesOf(await buffer(await exported({ format: "onnx", full: true })));
  expect([...files.keys()]).toEqual(["README.md", "decoder.onnx", "encoder.onnx", "encoder.bin"]);
  const unpacked = join(folder, "onnx");
  await mkdir(unpacked);
  for (const [name, bytes] of files) await writeFile(join(unpacked, name), bytes);
  const { manifest, notes } = await importAs("again_onnx", unpacked);
  expect([manifest.family, manifest.type, notes]).toEqual(["sam2", "onnx", []]);
  const again = await models.get("again_onnx");
  expect(await again.decoderWeights()).toEqual(await base.decoderWeights());

  const image = new ort.Tensor(new Float32Array(3 * 1024 * 1024).fill(0.3), [1, 3, 1024, 1024]);
  const answers: Record<string, ort.Tensor>[] = [];
  const paths = [await base.encoderPath(), join(unpacked, "encoder.onnx"), await again.encoderPath()];
  for (const path of paths) {
    const session = await ort.InferenceSession.create(path, { logSeverityLevel: 3 });
    answers.push(await session.run({ [session.inputNames[0] as string]: image }));
    await session.release();
  }
  const [own, parts, back] = answers as [(typeof answers)[0], (typeof answers)[0], (typeof answers)[0]];
  // A graph that has values of these names itself
  const onceMore = await filesOf(await buffer(await exported({ format: "onnx", full: true }, null, again)));
  const kept = await ort.InferenceSession.create(onceMore.get("encoder.onnx") as Buffer, {
    logSeverityLevel: 3,
    externalData: [{ path: "encoder-values.bin", data: onceMore.get("encoder-values.bin") as Buffer }],
  });
  expect(kept.outputNames).toEqual(["high_res_feats_0", "high_res_feats_1", "image_embed"]);
  await kept.release();
  // The order counts for samexporter's own program
  expect(Object.keys(parts)).toEqual(["high_res_feats_0", "high_res_feats_1", "image_embed"]);
  const flat = own["image_embedding"]?.data as Float32Array;
  expect(back["embedding"]?.data).toEqual(flat);
  const names = ["image_embed", "high_res_feats_0", "high_res_feats_1"];
  for (const [i, { shape, offset, length }] of embeddingParts.sam2.entries()) {
    expect(parts[names[i] as string]?.dims).toEqual([1, ...shape]);
    expect(parts[names[i] as string]?.data).toEqual(flat.subarray(offset, offset + length));
  }
});

test("a SAM 2 for transformers.js is a Sam2Model's folder", async () => {
  const files = await filesOf(await buffer(await exported({ format: "transformersjs" })));
  expect([...files.keys()]).toEqual([
    "README.md",
    "config.json",
    "preprocessor_config.json",
    "preprocess.mjs",
    "onnx/vision_encoder.onnx",
    "onnx/vision_encoder.onnx_data",
    "onnx/prompt_encoder_mask_decoder.onnx",
    "onnx/prompt_encoder_mask_decoder_quantized.onnx",
  ]);
  const config = JSON.parse(String(files.get("config.json"))) as Record<string, unknown>;
  // By this its forward asks for image_embeddings.0 to .2
  expect(config).toMatchObject({ model_type: "sam2", vision_config: { num_feature_levels: 3 } });
  const vision = decodeModel(files.get("onnx/vision_encoder.onnx") as Buffer).graph;
  expect(vision.output.map(({ name }) => name)).toEqual([
    "image_embeddings.0",
    "image_embeddings.1",
    "image_embeddings.2",
  ]);
  const card = String(files.get("README.md"));
  expect(card).toContain("Sam2Model.from_pretrained");
  expect(card).not.toContain(" SamModel");
});

test("a SAM 2's bundle tells its runners whose it is and which files lie beside its graph", async () => {
  const files = await filesOf(await buffer(await exported({ format: "bundle" })));
  expect([...files.keys()].slice(-3)).toEqual(["decoder.onnx", "encoder.onnx", "encoder.bin"]);
  const config = JSON.parse(String(files.get("config.json"))) as unknown;
  expect(config).toMatchObject({ family: "sam2", encoder_files: ["encoder.bin"], refine: null });
  const { output } = decodeModel(files.get("decoder.onnx") as Buffer).graph;
  // The base chooses among its masks
  expect(output.map(({ name }) => name)).toEqual(["masks", "iou_predictions", "object_score_logits"]);
});

test("there is no onnx cvat of a SAM 2, and the refusal says what to do instead", async () => {
  const refused = { code: "export_format_unsupported", param: "variant" };
  await expect(exported({ format: "onnx", variant: "cvat" })).rejects.toMatchObject({
    ...refused,
    message: expect.stringMatching(/CVAT has none for SAM 2.*examples\/cvat.*served, engine\.$/),
  });
});

test("an EdgeTAM goes out under Meta's names, and its graph beside what transformers has of it", async () => {
  const { manifest } = await importAs("edge", await tinySam2Pt(folder, undefined, tinyRepVit));
  expect([manifest.family, manifest.type]).toEqual(["sam2", "tinyRepVit"]);
  const edge = await models.get("edge");
  const path = await written("edge.pth", await exported({ format: "pth", full: true }, null, edge));
  const again = await importAs("again_edge", path);
  expect(again.manifest.embedding_id).toBe(manifest.embedding_id);
  const files = await filesOf(await buffer(await exported({ format: "hf", full: true }, null, edge)));
  expect([...files.keys()].slice(-3)).toEqual(["model.safetensors", "encoder.onnx", "encoder.bin"]);
});

describe("a version of a SAM 2", () => {
  let version: Version;
  beforeAll(async () => {
    version = await versionWith(storage.store, plainFocus, base);
  });

  test.each(["pth", "safetensors"] as const)("as %s comes back as it was", async (format) => {
    const path = await written(`version.${format}`, await exported({ format }, version));
    const file = await readDecoderFile({ path, basePath: "", unpackTo: `${path}.unpacked` });
    expect([file.family, file.encoderType, file.notes]).toEqual(["sam2", null, []]);
    const stored = (await storage.store.get(version.weightsKey)) as Uint8Array;
    expect(Buffer.from(encodeSafetensors(file.tensors))).toEqual(Buffer.from(stored));
  });

  test("tells in its files what they lack and which mask answers", async () => {
    const pth = await filesOf(await buffer(await exported({ format: "pth" }, version)));
    const card = String(pth.get("archive/README.md"));
    expect(card).toContain("What SAM 2 follows objects through videos with");
    expect(card).toContain("apply_postprocessing=False");
    expect(card).toContain("  - sam2\n");
    const hf = await filesOf(await buffer(await exported({ format: "hf" }, version)));
    const config = JSON.parse(String(hf.get("config.json"))) as Record<string, Record<string, unknown>>;
    expect(config["mask_decoder_config"]?.["dynamic_multimask_via_stability"]).toBe(false);
    // Its stand-in for the encoder takes no image that a processor makes
    expect(config["vision_config"]?.["backbone_config"]).toMatchObject({ num_channels: 1 });
    expect(String(hf.get("README.md"))).toContain("No image encoder that transformers has is in here");
  });
});
