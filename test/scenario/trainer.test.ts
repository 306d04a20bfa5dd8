import { afterAll, beforeAll, expect, it } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { getImport } from "../../src/db/queries/imports.ts";
import { getTunedVersion } from "../../src/db/queries/versions.ts";
import { fineTunes } from "../../src/db/schema/index.ts";
import { createQueue } from "../../src/queue/queue.ts";
import { keys } from "../../src/storage/keys.ts";
import { startTrainer } from "../../src/jobs/trainer.ts";
import { useZips } from "../datasets/zips.ts";
import { asPng } from "../worlds/images.ts";
import sharp from "sharp";
import { keysBelow } from "../helpers/objects.ts";
import { newFineTune, newProject } from "../training/project.ts";
import { uploadImport } from "../worlds/imports.ts";
import { ringImage } from "../worlds/rings.ts";
import { addRings, type Bench, openBench, waitFor } from "../worlds/trainer.ts";

let bench: Bench;
const zips = useZips();
beforeAll(async () => {
  bench = await openBench();
});
afterAll(async () => {
  await bench.close();
});

async function newTrainer() {
  const { services, url } = bench;
  const queue = await createQueue({ databaseUrl: url, log: services.log });
  return startTrainer(services, queue, {
    engine: "compiled",
    maxImagesPerProject: 100,
    checkpointEveryMs: 0,
  });
}

it("imports, embeds ahead of need, and trains what plain SQL asks for", async () => {
  const { db, store } = bench.services;
  const scope = await newProject(db);
  const trainer = await newTrainer();
  try {
    const files: Record<string, Buffer> = {};
    for (let seed = 1; seed <= 3; seed++) {
      const { image, mask } = ringImage(seed);
      files[`images/${seed}.png`] = await asPng(image);
      files[`masks/${seed}.png`] = await sharp(
        mask.data.map((value) => value * 255),
        { raw: { width: mask.width, height: mask.height, channels: 1 } },
      )
        .toColourspace("b-w")
        .png()
        .toBuffer();
    }
    const id = await uploadImport(bench, scope, await zips.zip(files));
    await expect
      .poll(async () => (await getImport(db, scope, id)).status, { timeout: 30_000 })
      .toBe("succeeded");
    const embeddings = async (): Promise<number> => {
      const prefix = keys.embedding(scope.workspaceId, baseModel("mobile_sam").embeddingId, "");
      return (await keysBelow(store, prefix.slice(0, prefix.lastIndexOf("/") + 1))).length;
    };
    await expect.poll(embeddings, { timeout: 60_000 }).toBe(3);

    // As psql would: no id, no workspace.
    const [row] = await db
      .insert(fineTunes)
      .values({ projectId: scope.projectId, hyperparameters: { epochs: 1 } })
      .returning({ id: fineTunes.id });
    const ended = await waitFor(bench, scope, row?.id ?? "");
    expect(ended.row).toMatchObject({ status: "succeeded", workspaceId: scope.workspaceId });
    expect(ended.events.map((event) => event.message)).toContain("Embedded 0 images; 3 had their embedding");
    // This trainer knows nothing of its machine, and times a few steps.
    const timed = ended.events.find(({ data }) => "train_sample_ms" in data);
    expect(timed?.data["train_sample_ms"]).toBeGreaterThan(0);
    expect(timed?.data["estimated_seconds"]).toBeGreaterThan(0);
    expect(timed?.message).toMatch(/^About \d+ (seconds|minutes) on this machine, which takes \d+ ms for a/);
    const version = await getTunedVersion(db, scope, 1);
    // Too few groups to spare any: the training images choose the epoch.
    expect(version.metrics.split).toEqual({ train: 2, selection: 0, heldOut: 1, nearDuplicates: 0 });
  } finally {
    await trainer.stop();
  }
}, 180_000);

it("hands a running job to the next trainer when it stops", async () => {
  const { db } = bench.services;
  const scope = await newProject(db);
  await addRings(bench, scope, 4);
  const first = await newTrainer();
  const id = await newFineTune(db, scope, { hyperparameters: { epochs: 6, batch_size: 1, refine: "none" } });
  await waitFor(bench, scope, id, (_row, events) => events.some(({ data }) => data["epoch"] === 2));
  await first.stop();
  const second = await newTrainer();
  try {
    const { row, events } = await waitFor(bench, scope, id);
    expect(row).toMatchObject({ status: "succeeded", attempt: 2 });
    expect(events.filter(({ data }) => data["epoch"] === 0)).toHaveLength(1);
    expect(events.map((event) => event.message)).toContainEqual(
      expect.stringMatching(/^Attempt 2: goes on after epoch \d$/),
    );
  } finally {
    await second.stop();
  }
}, 180_000);
