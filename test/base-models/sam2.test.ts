import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Imported, importBaseModel } from "../../src/base-models/import-base-model.ts";
import type { ImportOptions } from "../../src/base-models/options.ts";
import { BaseModels } from "../../src/base-models/registry.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import ort from "../../src/lib/onnxruntime.ts";
import { localTestStore } from "../helpers/objects.ts";
import { tinyHiera } from "../helpers/tiny-encoder.ts";
import { sam2Decoder } from "../worlds/sam2-decoder.ts";
import { tinySam2HuggingFace, tinySam2Pt } from "./sam2-files.ts";

let storage: Awaited<ReturnType<typeof localTestStore>>;
let folder: string;
let models: BaseModels;
let meta: Imported;
beforeAll(async () => {
  storage = await localTestStore();
  folder = join(storage.dir, "files");
  await mkdir(folder);
  models = new BaseModels(storage.store, join(storage.dir, "models"));
  meta = await importTiny(await tinySam2Pt(folder), "sam2_tiny");
});
afterAll(() => storage.close());

const importTiny = (path: string, name: string, options: Partial<ImportOptions> = {}) =>
  importBaseModel({
    store: storage.store,
    models,
    paths: [path],
    name,
    workFolder: join(storage.dir, "import"),
    architectures: { tiny: tinyHiera },
    ...options,
  });

describe("a checkpoint of SAM 2", () => {
  test("becomes a base model of its family, without what videos want, which is told", async () => {
    const { manifest, notes } = meta;
    expect([manifest.family, manifest.type, manifest.source.format]).toEqual([
      "sam2",
      "tiny",
      "PyTorch, Meta's names",
    ]);
    expect(notes).toEqual([
      "What SAM 2 follows objects through videos with was left out: maskmem_tpos_enc, no_mem_pos_enc, memory_attention, memory_encoder, obj_ptr_proj, mask_downsample.",
    ]);
    const model = await models.get("sam2_tiny");
    expect(model.family).toBe("sam2");
    expect(encodeSafetensors(await model.decoderWeights())).toEqual(encodeSafetensors(await sam2Decoder()));

    const session = await ort.InferenceSession.create(await model.encoderPath());
    const pixels = new ort.Tensor("float32", new Float32Array(3 * 1024 * 1024), [1, 3, 1024, 1024]);
    const { image_embedding: embedding } = await session.run({ pixels });
    await session.release();
    expect(embedding?.dims).toEqual([1, 4_194_304]);
  });

  test("gives the same model as Hugging Face's file of the same weights", async () => {
    const theirs = await importTiny(await tinySam2HuggingFace(folder), "sam2_hf");
    expect(theirs.manifest.source.format).toBe("safetensors, Hugging Face's names");
    expect(theirs.notes).toEqual([
      "What SAM 2 follows objects through videos with was left out: memory_encoder, no_object_pointer.",
    ]);
    expect(theirs.manifest.embedding_id).toBe(meta.manifest.embedding_id);
    const decoders = await Promise.all(
      ["sam2_tiny", "sam2_hf"].map(async (name) => (await models.get(name)).decoderWeights()),
    );
    expect(decoders[1]).toEqual(decoders[0]);
  });

  test.each([
    [
      "lacks a tensor",
      { "sam_mask_decoder.conv_s0.weight": null },
      "names_missing: the weights are not whole: model.sam_mask_decoder.conv_s0.weight is missing",
    ],
    [
      "has another width",
      { "image_encoder.trunk.patch_embed.proj.weight": [16, 3, 7, 7] },
      "wrong_architecture: the image encoder has 5 blocks of width 16; there are tiny (5 blocks of 8)",
    ],
    [
      "has a tensor more",
      { "sam_mask_decoder.extra": [1] },
      "wrong_architecture: the weights are not whole: model.sam_mask_decoder.extra is unknown",
    ],
  ])("that %s is refused", async (_what, changes, message) => {
    const path = await tinySam2Pt(folder, (tensors) => {
      for (const [name, shape] of Object.entries(changes)) {
        if (shape === null) delete tensors[name];
        else tensors[name] = { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) };
      }
    });
    await expect(importTiny(path, "refused")).rejects.toThrow(
      expect.objectContaining({
        reason: message.split(": ")[0],
        message: expect.stringContaining(message.slice(message.indexOf(": ") + 2)) as string,
      }),
    );
    expect(await models.names()).not.toContain("refused");
  });

  test("of its decoder alone goes with an image encoder of its family, and not with mobile_sam's", async () => {
    const path = await tinySam2Pt(folder, (tensors) => {
      for (const name of Object.keys(tensors)) if (name.startsWith("image_encoder.")) delete tensors[name];
    });
    await expect(importTiny(path, "alone", { encoderOf: "mobile_sam" })).rejects.toThrow(
      "the file holds a decoder of SAM 2's, and mobile_sam is of SAM's",
    );
    const { manifest, notes } = await importTiny(path, "alone", { encoderOf: "sam2_tiny" });
    expect([manifest.family, manifest.encoder]).toEqual(["sam2", { of: "sam2_tiny" }]);
    expect(notes).toContain(
      "What every image passes before the decoder was left out with the image encoder: " +
        "sam_mask_decoder.conv_s0.weight, sam_mask_decoder.conv_s0.bias, sam_mask_decoder.conv_s1.weight, sam_mask_decoder.conv_s1.bias, no_mem_embed.",
    );
  });
});
