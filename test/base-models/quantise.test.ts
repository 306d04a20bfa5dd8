import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { importBaseModel } from "../../src/base-models/import-base-model.ts";
import { quantiseBaseModel } from "../../src/base-models/quantise/quantise-base-model.ts";
import { BaseModels } from "../../src/base-models/registry.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { RefusedFile } from "../../src/checkpoint/refused.ts";
import { readConfig } from "../../src/config.ts";
import { modelCommand } from "../../src/main/model.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { keysBelow, localTestStore } from "../helpers/objects.ts";
import { tinyArchitecture } from "../helpers/tiny-encoder.ts";
import { tinyPth } from "./files.ts";

// Encodes pages with threads of its own; on a busy machine that takes a minute.
vi.setConfig({ testTimeout: 240_000 });

let storage: Awaited<ReturnType<typeof localTestStore>>;
let models: BaseModels;
beforeEach(async () => {
  storage = await localTestStore();
  models = new BaseModels(storage.store, join(storage.dir, "models"));
});
afterEach(() => storage.close());

const work = () => join(storage.dir, "import");

const quantiseTiny = (check: () => Promise<void> = () => Promise.resolve(), of = "tiny") =>
  quantiseBaseModel({
    store: storage.store,
    models,
    of,
    name: "tiny_int8",
    workFolder: work(),
    check,
  });

async function importTiny(name = "tiny"): Promise<void> {
  const folder = join(storage.dir, "files");
  await mkdir(folder, { recursive: true });
  const paths = [await tinyPth(folder)];
  const architectures = { tiny: tinyArchitecture };
  await importBaseModel({
    store: storage.store,
    models,
    paths,
    name,
    workFolder: work(),
    architectures,
  });
}

test("an imported model's twin has its decoder, its weights in one file, and embeddings of its own", async () => {
  await importTiny();
  const { manifest, isNew, products } = await quantiseTiny();
  // Two blocks: qkv and proj are too small here, the two layers of the MLP are not.
  expect([isNew, products, manifest.type]).toEqual([true, 4, "tiny"]);
  const [exact, twin] = [await models.get("tiny"), await models.get("tiny_int8")];
  expect(manifest.parameters).toBe((await models.manifest("tiny"))?.parameters);
  expect(twin.embeddingId).not.toBe(exact.embeddingId);
  expect(sha256(encodeSafetensors(await twin.decoderWeights()))).toBe(
    sha256(encodeSafetensors(await exact.decoderWeights())),
  );
  expect(await readdir(join(await twin.encoderPath(), ".."))).toEqual(["encoder.onnx"]);
  expect(await readdir(work())).toEqual([]);
  expect((await quantiseTiny()).isNew).toBe(false);
  // The name stays the first one's, also where another model has the same encoder.
  await importTiny("sibling");
  await expect(quantiseTiny(undefined, "sibling")).rejects.toMatchObject({ reason: "name_taken" });
});

test("nothing is kept of one whose masks are others", async () => {
  await importTiny();
  const before = await keysBelow(storage.store, "");
  const differs = () => Promise.reject(new RefusedFile("masks_differ", "they are others"));
  await expect(quantiseTiny(differs)).rejects.toThrow("they are others");
  expect(await keysBelow(storage.store, "")).toEqual(before);
  expect(await readdir(work())).toEqual([]);
});

test("MobileSAM's twin is compared with it on drawn pages, and then one of the base models", async () => {
  const run = async (...argv: string[]): Promise<{ code: number; out: string; err: string }> => {
    const printed = { out: "", err: "" };
    const code = await modelCommand(argv, readConfig({ DATA_DIR: storage.dir }), {
      out: (text) => void (printed.out += text),
      err: (text) => void (printed.err += text),
    });
    return { code, ...printed };
  };
  const made = await run("quantise", "mobile_sam", "--name", "quick");
  expect(made).toMatchObject({ code: 0, err: "" });
  expect(made.out).toContain("Made quick of mobile_sam: 40 linear layers in int8.");
  const [, meanIou = "", prompts = ""] =
    /mean IoU of (0\.\d+) \(least [\d.]+, (\d+) prompts\)/.exec(made.out) ?? [];
  expect(Number(meanIou)).toBeGreaterThanOrEqual(0.98);
  expect(Number(prompts)).toBeGreaterThanOrEqual(10);
  expect((await run("list")).out).toContain("mobile_sam, linear layers in int8");
  expect(await run("quantise", "mobile_sam", "--name", "mobile_sam")).toMatchObject({
    code: 1,
    err: expect.stringContaining("Not made (name_taken)"),
  });
});
