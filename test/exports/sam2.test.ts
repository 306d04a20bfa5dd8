import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
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
import type { Version } from "../../src/db/queries/versions.ts";
import { exportVersion } from "../../src/exports/index.ts";
import type { ExportOptions } from "../../src/exports/types.ts";
import { localTestStore } from "../helpers/objects.ts";
import { tinyHiera } from "../helpers/tiny-encoder.ts";
import { filesOf } from "../helpers/unzip.ts";
import { tinySam2Pt } from "../base-models/sam2-files.ts";
import { versionWith } from "../worlds/bundles.ts";
import { plainFocus } from "../../src/domain/focus.ts";

let storage: Awaited<ReturnType<typeof localTestStore>>;
let folder: string;
let models: BaseModels;
let imported: Imported;
let base: BaseModel;
const architectures = { tiny: tinyHiera };

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
): Promise<Readable> {
  const subject = { projectId: "prj_1", base, version, architectures };
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

describe("a version of a SAM 2", () => {
  let version: Version;
  beforeAll(async () => {
    version = await versionWith(storage.store, plainFocus, base);
  });

  test.each(["pth", "safetensors"] as const)("as %s comes back as it was", async (format) => {
    const path = await written(`version.${format}`, await exported({ format }, version));
    const file = await readDecoderFile(path, "");
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
