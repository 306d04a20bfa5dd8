import { afterAll, beforeAll, expect, it } from "vitest";
import { selectAnnotatedImages } from "../../src/db/queries/annotated-images.ts";
import { eq } from "../../src/db/drizzle.ts";
import { fineTuneLeases } from "../../src/db/queries/leases.ts";
import { getProject } from "../../src/db/queries/projects.ts";
import { getTunedVersion } from "../../src/db/queries/versions.ts";
import { fineTunes, projects } from "../../src/db/schema/index.ts";
import { bestBase, openChoice } from "../../src/domain/base-choice.ts";
import { HeldFineTune } from "../../src/jobs/fine-tune/held.ts";
import { choiceOf, settleBase } from "../../src/jobs/fine-tune/settle-base.ts";
import type { FineTuneRow } from "../../src/jobs/fine-tune/story.ts";
import { type BasesPlan, planBases } from "../../src/training/bases/plan-bases.ts";
import { createQueue } from "../../src/queue/queue.ts";
import { startTrainer } from "../../src/jobs/trainer.ts";
import { newFineTune, newProject } from "../training/project.ts";
import { addSam2Model, sam2Name } from "../worlds/sam2-model.ts";
import { addRings, type Bench, openBench, waitFor } from "../worlds/trainer.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
  await addSam2Model(bench.services.store);
});
afterAll(async () => {
  await bench.close();
});

it("fine-tunes, judges and registers a version that finds, on a base model of SAM 2's family", async () => {
  const { db, log } = bench.services;
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

it("tries both bases of the installation where its project has chosen none, and keeps the better", async () => {
  const { db } = bench.services;
  const scope = await newProject(db);
  await db.update(projects).set({ baseChoice: openChoice }).where(eq(projects.id, scope.projectId));
  await addRings(bench, scope, 4);
  const id = await newFineTune(db, scope);
  const row = (await fineTuneLeases.claim(db, id, { leaseHolder: "test" })) as FineTuneRow;
  const before = {
    row,
    project: await getProject(db, scope),
    job: new HeldFineTune(db, { id, token: row.leaseToken ?? "" }),
    annotated: async () => selectAnnotatedImages(db, scope),
    signal: new AbortController().signal,
  };
  // One step of each training, and one mask that judges it.
  const shorter = (...of: Parameters<typeof planBases>): BasesPlan => {
    const { folds, ...plan } = planBases(...of);
    const [[a], [b]] = folds?.parts ?? [[], []];
    if (!folds || !a || !b) throw new Error("no halves were planned");
    return { ...plan, folds: { ...folds, parts: [[a], [b]] }, judges: [a, b], samples: 1 };
  };
  const project = await settleBase(bench.trainer, before, shorter);
  const choice = choiceOf(project, row);
  expect(choice).toMatchObject({ annotations: 2, notTried: [] });
  expect(choice?.tried.map((one) => one.baseModel)).toEqual(["mobile_sam", sam2Name]);
  const scores = choice?.tried.flatMap(({ meanIou, tunedMeanIou }) => [meanIou, tunedMeanIou]) ?? [];
  expect(choice?.tried.every(({ meanIou }) => meanIou > 0.3)).toBe(true);
  expect(new Set(scores).size).toBe(4);
  expect(project.baseModel).toBe(bestBase(choice?.tried ?? []).baseModel);
  expect(await getProject(db, scope)).toEqual(project);
  // It is made once: what comes after takes it as it is.
  expect(await settleBase(bench.trainer, { ...before, project })).toBe(project);
  expect(choiceOf(project, { id: "another" })).toBeNull();
});
