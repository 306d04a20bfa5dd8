import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { importBaseModel } from "../../../src/base-models/import-base-model.ts";
import { BaseModels } from "../../../src/base-models/registry.ts";
import { holdBaseModel } from "../../../src/db/signed-base-models.ts";
import { eq } from "../../../src/db/drizzle.ts";
import { fineTunes } from "../../../src/db/schema/index.ts";
import { deleteBaseModel } from "../../../src/main/shared/delete-base-model.ts";
import { tinyPth } from "../../base-models/files.ts";
import { type TestApp, testApp } from "../../helpers/app.ts";
import { keysBelow } from "../../helpers/objects.ts";
import { seedFineTune } from "../../helpers/seeds.ts";
import { tinyArchitecture } from "../../helpers/tiny-encoder.ts";

let app: TestApp;
let folder: string;
beforeAll(async () => {
  app = await testApp();
  folder = await mkdtemp(join(tmpdir(), "maskwright-delete-"));
});
afterAll(async () => {
  await app?.close();
  await rm(folder, { recursive: true, force: true });
});

const models = () =>
  new BaseModels(app.store, join(folder, "models"), async (model) => holdBaseModel(app.db, model));
const remove = (name: string): Promise<void> =>
  deleteBaseModel({ db: app.db, store: app.store, models: models() }, name);

it("removes a base model that nothing needs, so that another can have its name", async () => {
  const common = { store: app.store, models: models(), workFolder: join(folder, "import") };
  const architectures = { tiny: tinyArchitecture };
  await importBaseModel({ ...common, paths: [await tinyPth(folder)], name: "tiny", architectures });
  const decoder = await tinyPth(folder, (tensors) => {
    for (const name of Object.keys(tensors)) if (name.startsWith("image_encoder.")) delete tensors[name];
  });
  await importBaseModel({ ...common, paths: [decoder], name: "lent", encoderOf: "tiny" });
  const created = await app.a.post("/v1/projects", { name: "stamps", base_model: "lent" });
  expect(created.status).toBe(201);
  const project = String(created.body["id"]);
  const before = await keysBelow(app.store, "base-models/");

  await expect(remove("tiny")).rejects.toThrow("needed by the base model lent, which has its image encoder");
  await expect(remove("lent")).rejects.toThrow(`needed by projects (${project})`);
  await expect(remove("mobile_sam")).rejects.toThrow("needed by this program, which it comes with");
  await expect(remove("other")).rejects.toMatchObject({ code: "base_model_unknown" });
  expect(await keysBelow(app.store, "base-models/")).toEqual(before);

  await app.a.send("DELETE", `/v1/projects/${project}`);
  const open = await app.a.post("/v1/projects", { name: "open", base_model: "auto" });
  const choosing = String(open.body["id"]);
  const fineTune = await seedFineTune(app, choosing);
  await expect(remove("lent")).rejects.toThrow(
    `needed by projects (${choosing}) whose fine-tune may choose it`,
  );
  await app.db.update(fineTunes).set({ status: "cancelled" }).where(eq(fineTunes.id, fineTune));
  // What an import that was cut off left behind
  await app.store.put("base-models/lent/0123456789abcdef/encoder.bin", new Uint8Array(4));
  await remove("lent");
  await remove("tiny");
  expect(await keysBelow(app.store, "base-models/")).toEqual([]);
  expect(await models().names()).toEqual(["mobile_sam"]);
  const again = await importBaseModel({ ...common, paths: [decoder], name: "tiny", encoderOf: "mobile_sam" });
  expect(again.isNew).toBe(true);
  // The signature of the first went with it.
  expect((await models().get("tiny")).name).toBe("tiny");
});
