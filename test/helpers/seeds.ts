import { baseModel } from "../../src/checkpoint/base-models.ts";
import { insertAnnotation } from "../../src/db/queries/annotations.ts";
import { insertFineTune } from "../../src/db/queries/fine-tunes.ts";
import { insertImage } from "../../src/db/queries/images.ts";
import { versions } from "../../src/db/schema/index.ts";
import type { Finder } from "../../src/domain/finder.ts";
import type { VersionMetrics } from "../../src/domain/version.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import type { BinaryMask, Box } from "../../src/imaging/types.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { newId } from "../../src/lib/ids.ts";
import { keys } from "../../src/storage/keys.ts";
import { type Client, idOf, type TestApp } from "./app.ts";
import { rectangleMask } from "../worlds/images.ts";

/** Rows as other parts of the system leave them behind, for tests of what reads them. */

export const makeProject = async (client: Client, name = "stamps"): Promise<string> =>
  idOf(await client.post("/v1/projects", { name }));

/** An image's row without its bytes: 20 x 10 pixels. */
export async function seedImage(app: TestApp, projectId: string, client: Client = app.a): Promise<string> {
  const id = newId("img");
  const hash = sha256(id);
  await insertImage(app.db, {
    id,
    workspaceId: client.workspaceId,
    projectId,
    sha256: hash,
    objectKey: keys.image(projectId, hash),
    bytes: 1,
    format: "png",
    width: 20,
    height: 10,
  });
  return id;
}

/** What lies in the store where a workspace's embedding of these bytes would; its key. */
export async function seedEmbedding(app: TestApp, imageSha256: string, client = app.a): Promise<string> {
  const key = keys.embedding(client.workspaceId, baseModel("mobile_sam").embeddingId, imageSha256);
  await app.store.put(key, Buffer.from("an embedding"));
  return key;
}

/** A 20 x 10 mask whose foreground is the rectangle [x0, y0, x1, y1]. */
export const rectangle = (box: Box): BinaryMask => rectangleMask(20, 10, box);

export const rectangleRle = (box: Box) => encodeRle(rectangle(box));

/** `count` images with one annotation each. */
export async function seedAnnotated(app: TestApp, projectId: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await insertAnnotation(app.db, {
      id: newId("ann"),
      workspaceId: app.a.workspaceId,
      projectId,
      imageId: await seedImage(app, projectId),
      counts: rectangleRle([2, 2, 6, 6]).counts,
      area: 16,
      box: [2, 2, 6, 6],
      source: "api",
    });
  }
}

export async function seedFineTune(app: TestApp, projectId: string): Promise<string> {
  const row = { hyperparameters: {}, baseVersion: null, seed: 0 };
  const id = newId("ft");
  await insertFineTune(app.db, { id, workspaceId: app.a.workspaceId, projectId, ...row });
  return id;
}

/** A registered version whose weights are `weights`, whatever they are. */
export async function seedVersion(
  app: TestApp,
  projectId: string,
  number: number,
  weights: Uint8Array = Buffer.from(`weights ${number}`),
  options: Pick<VersionMetrics, "evaluation" | "finder" | "gate" | "latency" | "pictures" | "serving"> = {},
  finder: Finder | null = null,
): Promise<string> {
  const fineTuneId = await seedFineTune(app, projectId);
  const hash = sha256(weights);
  const weightsKey = keys.weights(projectId, fineTuneId, hash);
  await app.store.put(weightsKey, weights);
  const id = newId("ver");
  await app.db.insert(versions).values({
    id,
    workspaceId: app.a.workspaceId,
    projectId,
    number,
    fineTuneId,
    baseModel: "mobile_sam",
    parentVersion: null,
    weightsKey,
    weightsSha256: hash,
    weightsBytes: weights.length,
    snapshotHash: sha256("snapshot"),
    snapshotKey: keys.snapshot(projectId, sha256("snapshot")),
    hyperparameters: { epochs: 20, loss: "dice_bce" },
    seed: 7,
    engine: "compiled",
    finder,
    metrics: {
      heldOut: {
        images: 2,
        annotations: 3,
        base: { meanIou: 0.25, meanDice: 0.4 },
        tuned: { meanIou: 0.5, meanDice: 0.66 },
      },
      perAnnotation: [{ imageId: "img_1", annotationId: "ann_1", baseIou: 0.2, tunedIou: 0.6 }],
      curve: [
        { epoch: 0, trainLoss: null, selectionIou: 0.25 },
        { epoch: 1, trainLoss: 0.7, selectionIou: 0.5, selectionInterval: { low: 0.4, high: 0.6 } },
      ],
      bestEpoch: 1,
      split: { train: 8, selection: 2, heldOut: 2 },
      ...options,
    },
  });
  return id;
}
