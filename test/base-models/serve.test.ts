import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { importBaseModel } from "../../src/base-models/import-base-model.ts";
import { BaseModels } from "../../src/base-models/registry.ts";
import type { Inference } from "../../src/inference/inference.ts";
import { keys } from "../../src/storage/keys.ts";
import { codeOf } from "../helpers/codes.ts";
import { asPng, discImage } from "../worlds/images.ts";
import { countedSource, testInference } from "../helpers/inference.ts";
import { localTestStore } from "../helpers/objects.ts";
import { tinyArchitecture } from "../helpers/tiny-encoder.ts";
import { tinyPth } from "./files.ts";

let storage: Awaited<ReturnType<typeof localTestStore>>;
let inference: Inference;
beforeAll(async () => {
  storage = await localTestStore();
  inference = await testInference(storage.store, { modelsFolder: join(storage.dir, "models") });
});
afterAll(async () => {
  await inference.close();
  await storage.close();
});

test("an imported model is served as soon as it is stored, by a process that runs already", async () => {
  const { image, mask } = discImage(400, 300, { x: 150, y: 140, radius: 60 });
  const source = countedSource(await asPng(image));
  const request = {
    image: source,
    workspaceId: "ws_1",
    baseModel: "tiny",
    versions: [{ number: 0 }],
    prompts: [{ box: [90, 80, 210, 200] as const }],
    multimask: false,
    format: "rle",
  } as const;
  expect(await codeOf(() => inference.predict(request))).toBe("base_model_unknown");

  const folder = join(storage.dir, "files");
  await mkdir(folder);
  await importBaseModel({
    store: storage.store,
    models: new BaseModels(storage.store, join(storage.dir, "other-models")),
    paths: [await tinyPth(folder)],
    name: "tiny",
    workFolder: join(storage.dir, "import"),
    architectures: { tiny: tinyArchitecture },
  });
  const { results, embeddingFrom } = await inference.predict(request);
  expect(embeddingFrom).toBe("encoder");
  expect(results[0]?.predictions[0]?.masks).toMatchObject([
    { mask: { format: "rle", size: [mask.height, mask.width] } },
  ]);
  // Its embeddings are its own, and go with the image
  const { embeddingId } = await inference.baseModel("tiny");
  const key = keys.embedding("ws_1", embeddingId, source.sha256);
  expect(await storage.store.stat(key)).not.toBeNull();
  await inference.forget({ workspaceId: "ws_1", sha256: source.sha256 });
  expect(await storage.store.stat(key)).toBeNull();
  await expect(inference.baseModel("tinny")).rejects.toThrow(
    'base_model "tinny" is unknown; there are: mobile_sam, tiny',
  );
});
