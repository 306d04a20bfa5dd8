import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { importBaseModel } from "../../src/base-models/import-base-model.ts";
import { BaseModels } from "../../src/base-models/registry.ts";
import { readVersionFile } from "../../src/base-models/version-file.ts";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { encoderTensors } from "../../src/exports/encoder.ts";
import { sha256 } from "../../src/lib/hash.ts";
import ort from "../../src/lib/onnxruntime.ts";
import { mobileSam } from "../helpers/mobile-sam-file.ts";
import { localTestStore } from "../helpers/objects.ts";
import { madeUp } from "../helpers/tiny-encoder.ts";
import { writeTorch } from "../helpers/torch-files.ts";

let storage: Awaited<ReturnType<typeof localTestStore>>;
let path: string;
let tensors: NamedTensors;
beforeAll(async () => {
  storage = await localTestStore();
  await mkdir(join(storage.dir, "files"));
  path = join(storage.dir, "files", "mobile_sam.pt");
  const one = { shape: [1], data: Float32Array.of(1) };
  // The head of the classifier that TinyViT was lies in its makers' file, too
  tensors = { ...(await mobileSam()), "image_encoder.norm_head.weight": one, "image_encoder.head.bias": one };
  await writeTorch(path, tensors);
});
afterAll(() => storage.close());

const bytesOf = ({ buffer: values, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(values, byteOffset, byteLength);

const embed = async (graph: string): Promise<Float32Array> => {
  const session = await ort.InferenceSession.create(graph, { intraOpNumThreads: 1 });
  const shape = [1, 3, 1024, 1024];
  const pixels = new ort.Tensor("float32", madeUp(shape, 3, 2).data, shape);
  const result = await session.run({ [session.inputNames[0] as string]: pixels });
  await session.release();
  return result[session.outputNames[0] as string]?.data as Float32Array;
};

test("MobileSAM in PyTorch's names is a base model that gives what the built-in one gives", async () => {
  const models = new BaseModels(storage.store, join(storage.dir, "models"));
  const { manifest, notes } = await importBaseModel({
    store: storage.store,
    models,
    paths: [path],
    name: "mine",
    workFolder: join(storage.dir, "import"),
  });
  expect([manifest.type, manifest.source.format, notes]).toEqual(["tiny_vit", "PyTorch, Meta's names", []]);
  const mine = await embed(await (await models.get("mine")).encoderPath());
  const built = await embed(await baseModel("mobile_sam").encoderPath());
  const largest = built.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const furthest = mine.reduce((most, value, i) => Math.max(most, Math.abs(value - (built[i] as number))), 0);
  expect(largest).toBeGreaterThan(0.1);
  expect(furthest / largest).toBeLessThan(1e-5);

  // What `full=true` puts into a .pth: the file's own tensors
  for (const { name, shape, content } of await encoderTensors({ base: await models.get("mine") })) {
    const kept = tensors[name] as NamedTensors[string];
    const bytes = await buffer((content as () => Readable)());
    expect([name, shape, sha256(bytes)]).toEqual([name, kept.shape, sha256(bytesOf(kept.data))]);
  }
});

test("its decoder is a version of a project on the built-in model, and its encoder's loss is told", async () => {
  const file = await readVersionFile(path, baseModel("mobile_sam"));
  expect(file.weights.sha256).toBe(sha256(encodeSafetensors(await baseModel("mobile_sam").decoderWeights())));
  expect(file.notes).toEqual([expect.stringContaining("The file's image encoder is left out")]);
});

test("in safetensors, whole numbers lie beside its weights, which are read", async () => {
  const st = join(storage.dir, "files", "mobile_sam.safetensors");
  await writeFile(st, withCounter(encodeSafetensors(tensors)));
  const file = await readVersionFile(st, baseModel("mobile_sam"));
  expect(file.weights.sha256).toBe(sha256(encodeSafetensors(await baseModel("mobile_sam").decoderWeights())));
});

/** The file with `num_batches_tracked`, an int64, after its other tensors. */
function withCounter(file: Uint8Array): Uint8Array {
  const length = Number(new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Record<
    string,
    unknown
  >;
  const end = file.length - 8 - length;
  header["image_encoder.patch_embed.seq.0.bn.num_batches_tracked"] = {
    dtype: "I64",
    shape: [],
    data_offsets: [end, end + 8],
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const head = new Uint8Array(8);
  new DataView(head.buffer).setBigUint64(0, BigInt(json.length), true);
  return Buffer.concat([head, json, file.subarray(8 + length), new Uint8Array(8)]);
}
