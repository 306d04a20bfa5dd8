import { afterAll, beforeAll, expect, it } from "vitest";
import { getTunedVersion } from "../../src/db/queries/versions.ts";
import { fineTunes } from "../../src/db/schema/index.ts";
import { createQueue } from "../../src/queue/queue.ts";
import { startTrainer } from "../../src/jobs/trainer.ts";
import { newProject } from "../training/project.ts";
import { addSam2Model, sam2Name } from "../worlds/sam2-model.ts";
import { addRings, type Bench, openBench, waitFor } from "../worlds/trainer.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(async () => {
  await bench.close();
});

it("fine-tunes, judges and registers a version that finds, on a base model of SAM 2's family", async () => {
  const { db, store, log } = bench.services;
  await addSam2Model(store);
  const scope = await newProject(db, undefined, sam2Name);
  await addRings(bench, scope, 3);
  const queue = await createQueue({ databaseUrl: bench.url, log });
  const trainer = await startTrainer(bench.trainer, queue, {
    engine: "compiled",
    maxImagesPerProject: 100,
    checkpointEveryMs: 0,
  });
  try {
    const hyperparameters = { epochs: 1, prompts: "mixed", refine: "none", finder: 30 };
    const [row] = await db
      .insert(fineTunes)
      .values({ projectId: scope.projectId, hyperparameters })
      .returning({ id: fineTunes.id });
    const ended = await waitFor(bench, scope, row?.id ?? "");
    expect([ended.row.status, ended.row.error]).toEqual(["succeeded", null]);
    const version = await getTunedVersion(db, scope, 1);
    expect(version.baseModel).toBe(sam2Name);
    const { tuned } = version.metrics.heldOut;
    expect(tuned.meanIou).toBeGreaterThan(0.5);
    // It finds the one held-out ring by itself.
    expect(version.finder).not.toBeNull();
    expect(version.metrics.finder?.all).toMatchObject({ recall: 1, precision: 1 });
  } finally {
    await trainer.stop();
  }
});
