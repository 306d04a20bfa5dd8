import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { previewLeases } from "../../../src/db/queries/leases.ts";
import { cancelPreview, getPreview, insertPreview } from "../../../src/db/queries/previews.ts";
import { getProject } from "../../../src/db/queries/projects.ts";
import type { ProjectScope } from "../../../src/db/queries/scope.ts";
import { newId } from "../../../src/lib/ids.ts";
import { keys } from "../../../src/storage/keys.ts";
import { checkProject } from "../../../src/training/preflight/check.ts";
import { selectStored } from "../../../src/jobs/preview/stored-project.ts";
import { giveUpPreview, runPreview } from "../../../src/jobs/preview/run.ts";
import type { TrainerServices } from "../../../src/jobs/services.ts";
import { keysBelow, wrapStore } from "../../helpers/objects.ts";
import { rectangleMask } from "../../worlds/images.ts";
import { ringImage } from "../../worlds/rings.ts";
import { type Bench, openBench } from "../../worlds/trainer.ts";
import { newProject } from "../../training/project.ts";
import { addImage, addMark, addRing } from "../../training/preflight/planted.ts";

// Each of these encodes and trains; on a busy machine that takes minutes.
vi.setConfig({ testTimeout: 600_000, hookTimeout: 120_000 });

let bench: Bench;
/** Ten rings, all of one workspace's embeddings. */
let scope: ProjectScope;
beforeAll(async () => {
  bench = await openBench();
  scope = await newProject(bench.services.db);
  for (let seed = 1; seed <= 10; seed++) await addRing(bench, scope, seed);
});
afterAll(() => bench?.close());

const never = new AbortController().signal;
/** A few steps, which already learn something. */
const little = { run: 5, byHeart: 6 };
/** As few as make a curve, where how well it learns is not looked at. */
const least = { run: 1, byHeart: 1 };

async function newPreview(of = scope, seed = 0): Promise<string> {
  return (await insertPreview(bench.services.db, { ...of, id: newId("fpv"), seed })).id;
}
const rowOf = (id: string, of = scope) => getPreview(bench.services.db, of, id);

it("tells of a clean set: no faults, the time, a curve that rises above the base, and a verdict", async () => {
  const id = await newPreview();
  await runPreview(bench.trainer, id, never, little);
  const row = await rowOf(id);
  expect(row).toMatchObject({ status: "succeeded", error: null, leaseToken: null });
  const { result } = row;
  expect(result).toMatchObject({ images: 10, annotations: 10, groups: 10, findings: [], finding_counts: {} });
  expect(result?.estimate).toMatchObject({ embeddings_missing: 3, measured: true, gpu_hours: null });
  expect(result?.estimate?.seconds).toBeGreaterThan(0);
  const { curve } = result ?? {};
  // 5 of ten train and 2 choose; 2 of these 7 judge and 5 train in each fold.
  expect(curve?.points.map(({ images }) => images)).toEqual([1, 3, 5]);
  expect(curve?.images_now).toBe(5);
  for (const { iou, train_iou: trained } of curve?.points ?? []) {
    expect(iou.mean).toBeGreaterThan((curve?.base_iou ?? 1) + 0.02);
    expect(iou.low).toBeLessThanOrEqual(iou.mean);
    expect(iou.high).toBeGreaterThanOrEqual(iou.mean);
    expect(trained).toBeGreaterThan(curve?.base_iou ?? 1);
  }
  expect(curve?.grid_limit_iou).toBeGreaterThan(0.9);
  expect(result?.verdict.message).toMatch(/^[^\n]+\.$/);
});

describe("a preview of its own data", () => {
  let own: ProjectScope;
  let first: object;
  beforeAll(async () => {
    own = await newProject(bench.services.db);
    for (let seed = 1; seed <= 6; seed++) await addRing(bench, own, seed);
  });
  /** All but what a clock tells. */
  const resultOf = async (id: string): Promise<object> => {
    const { estimate: _, ...rest } = (await rowOf(id, own)).result ?? { estimate: null };
    return rest;
  };

  it("never looks at the held-out images, and leaves embeddings behind but nothing else", async () => {
    const { db, store } = bench.services;
    const project = await getProject(db, own);
    const { data } = await checkProject(store, await selectStored(db, project), { signal: never });
    const objects = () => keysBelow(store, keys.projectPrefix(own.projectId));
    const before = await objects();
    const id = await newPreview(own);
    await runPreview(bench.trainer, id, never, least);
    first = await resultOf(id);
    expect(first).toHaveProperty("curve.points");
    expect(await objects()).toEqual(before);
    const embedded = await keysBelow(store, `workspaces/${own.workspaceId}/`);
    expect(data.split?.heldOut).toHaveLength(2);
    expect(embedded).toHaveLength(4);
    for (const { sha256 } of data.split?.heldOut ?? [])
      expect(embedded.filter((key) => key.includes(sha256))).toEqual([]);
  });

  it("is given back when the trainer stops, and run from the start by another, to the same end", async () => {
    const id = await newPreview(own);
    const stop = new AbortController();
    const createEngine: TrainerServices["createEngine"] = async (...asked) => {
      stop.abort(new Error("the process stops"));
      return bench.trainer.createEngine(...asked);
    };
    await expect(runPreview({ ...bench.trainer, createEngine }, id, stop.signal, least)).rejects.toThrow(
      "the process stops",
    );
    expect(await rowOf(id, own)).toMatchObject({
      status: "queued",
      attempt: 1,
      progress: null,
      leaseToken: null,
    });
    await runPreview(bench.trainer, id, never, least);
    expect(await rowOf(id, own)).toMatchObject({ status: "succeeded", attempt: 2 });
    expect(await resultOf(id)).toEqual(first);
  });

  it("ends otherwise with another seed", async () => {
    const id = await newPreview(own, 1);
    await runPreview(bench.trainer, id, never, least);
    expect(await resultOf(id)).toHaveProperty("curve.points");
    expect(await resultOf(id)).not.toEqual(first);
  });
});

it("stops where it is when it is cancelled, with no result", async () => {
  const id = await newPreview();
  // At the first look at a training image: in the middle of the work.
  let cancelled = false;
  const services: TrainerServices = {
    ...bench.trainer,
    createEngine: async (...asked) => {
      await cancelPreview(bench.services.db, scope, id);
      cancelled = true;
      return bench.trainer.createEngine(...asked);
    },
  };
  await runPreview(services, id, never, { run: 10_000, byHeart: 10_000 });
  expect(cancelled).toBe(true);
  expect(await rowOf(id)).toMatchObject({ status: "cancelled", result: null, leaseToken: null });
});

it("can't end what another holds by now", async () => {
  const id = await newPreview();
  const createEngine: TrainerServices["createEngine"] = async (...asked) => {
    await previewLeases.claim(bench.services.db, id);
    return bench.trainer.createEngine(...asked);
  };
  await runPreview({ ...bench.trainer, createEngine }, id, never, least);
  expect(await rowOf(id)).toMatchObject({ status: "running", attempt: 2, result: null });
});

it("trains nothing on data with errors, and says what to mend", async () => {
  const broken = await newProject(bench.services.db);
  for (let seed = 1; seed <= 8; seed++) await addRing(bench, broken, seed);
  const { image, mask } = ringImage(50);
  const empty = rectangleMask(mask.width, mask.height, [0, 0, 0, 0]);
  await addMark(bench, broken, await addImage(bench, broken, image), empty, [1, 1, 9, 9]);
  const createEngine: TrainerServices["createEngine"] = () => Promise.reject(new Error("not to be trained"));
  const id = await newPreview(broken);
  await runPreview({ ...bench.trainer, createEngine }, id, never);
  const { result } = await rowOf(id, broken);
  expect(result).toMatchObject({ curve: null, estimate: null, verdict: { code: "fix_data_first" } });
});

it("fails for good where the store keeps failing, with nothing of the reason for strangers", async () => {
  const id = await newPreview();
  const store = wrapStore(bench.services.store, {
    get: () => Promise.reject(new Error("the disk at /secret is gone")),
  });
  const own = await newProject(bench.services.db);
  for (let seed = 201; seed <= 204; seed++) await addRing(bench, own, seed);
  const failing = await newPreview(own);
  await expect(runPreview({ ...bench.trainer, store }, failing, never)).rejects.toThrow("/secret");
  await giveUpPreview(bench.trainer, failing, 4);
  expect(await rowOf(failing, own)).toMatchObject({
    status: "failed",
    result: null,
    error: { code: "internal_error", message: expect.not.stringContaining("/secret") },
  });
  expect(await rowOf(id)).toMatchObject({ status: "queued" });
});
