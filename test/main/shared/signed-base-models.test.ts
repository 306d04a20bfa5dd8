import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { importBaseModel } from "../../../src/base-models/import-base-model.ts";
import { BaseModels } from "../../../src/base-models/registry.ts";
import { verifyCommand } from "../../../src/cli/verify.ts";
import { encodeSafetensors } from "../../../src/checkpoint/safetensors.ts";
import { holdBaseModel } from "../../../src/db/signed-base-models.ts";
import { sha256 } from "../../../src/lib/hash.ts";
import { exportBaseModel } from "../../../src/main/shared/export-base-model.ts";
import { scrub } from "../../../src/operations/scrub.ts";
import { keys } from "../../../src/storage/keys.ts";
import { tinyPth } from "../../base-models/files.ts";
import { type TestApp, testApp } from "../../helpers/app.ts";
import { tinyArchitecture } from "../../helpers/tiny-encoder.ts";

const name = "tiny";
let app: TestApp;
let folder: string;
beforeAll(async () => {
  app = await testApp();
  folder = await mkdtemp(join(tmpdir(), "maskwright-signed-"));
  const common = { store: app.store, models: models(), workFolder: join(folder, "import") };
  const architectures = { tiny: tinyArchitecture };
  await importBaseModel({ ...common, paths: [await tinyPth(folder)], name, architectures });
});
afterAll(async () => {
  await app?.close();
  await rm(folder, { recursive: true, force: true });
});

const models = () =>
  new BaseModels(app.store, join(folder, "models"), async (model) => holdBaseModel(app.db, model));

/** What `maskwright verify` says, or the error. */
const verify = async (...args: string[]): Promise<string> => {
  const api = () => Promise.reject(new Error("no server is asked"));
  const { text } = await verifyCommand({ args, api } as unknown as Parameters<typeof verifyCommand>[0]);
  return text;
};

it("a base model is signed when it is first used, and its files can be verified by others", async () => {
  await models().get(name);
  const { model, key } = await exportBaseModel(app, name, folder);
  expect(await verify(model, "--key", key)).toMatch(`${model} is ${name} as it was signed by key`);
  await writeFile(join(model, "more.bin"), "more");
  await expect(verify(model, "--key", key)).rejects.toThrow("these are not as they were: more.bin");
});

it("the scrub reads its files to their ends, and knows one that is damaged", async () => {
  const lost: object[] = [];
  const { checked } = await scrub(app, (one) => lost.push(one));
  // Its manifest, its decoder, its encoder's graph and the weights of that.
  expect(checked).toBe(4);
  expect(lost).toEqual([]);
  const { decoder } = (await models().manifest(name))!;
  const whole = await app.store.get(decoder.key);
  await app.store.delete(decoder.key);
  await app.store.put(decoder.key, Buffer.from("others"));
  await scrub(app, (one) => lost.push(one));
  const about = { kind: "base_model", id: name, project: null };
  expect(lost).toEqual([{ ...about, key: decoder.key, fault: "damaged" }]);
  await expect((await models().get(name)).decoderWeights()).rejects.toMatchObject({
    code: "object_corrupted",
  });
  await app.store.delete(decoder.key);
  await app.store.put(decoder.key, whole);
  expect(Object.keys(await (await models().get(name)).decoderWeights()).length).toBeGreaterThan(50);
});

it("one whose decoder was exchanged, manifest and all, is neither served nor passed by the scrub", async () => {
  const manifest = JSON.parse((await app.store.get(keys.baseModel(name))).toString()) as {
    decoder: { key: string; sha256: string };
  };
  const other = Buffer.from(encodeSafetensors(await (await models().get("mobile_sam")).decoderWeights()));
  await app.store.delete(manifest.decoder.key);
  await app.store.put(manifest.decoder.key, other);
  manifest.decoder.sha256 = sha256(other);
  await app.store.delete(keys.baseModel(name));
  await app.store.put(keys.baseModel(name), Buffer.from(JSON.stringify(manifest)));
  await expect(models().get(name)).rejects.toMatchObject({
    code: "object_corrupted",
    message: expect.stringContaining("these are not as they were: decoder.safetensors, manifest.json"),
  });
  const lost: object[] = [];
  await scrub(app, (one) => lost.push(one));
  const about = { kind: "base_model", id: name, project: null, key: keys.baseModel(name) };
  expect(lost).toEqual([{ ...about, fault: "damaged" }]);
});
