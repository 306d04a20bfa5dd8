import { eq } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { fineTuneLeases } from "../../src/db/queries/leases.ts";
import { cancelFineTune, getFineTune, stopFineTune } from "../../src/db/queries/fine-tunes.ts";
import type { ProjectScope } from "../../src/db/queries/scope.ts";
import { getTunedVersion, type TunedVersion } from "../../src/db/queries/versions.ts";
import { fineTunes } from "../../src/db/schema/index.ts";
import { keys } from "../../src/storage/keys.ts";
import { runFineTune } from "../../src/jobs/fine-tune/run.ts";
import { keysBelow } from "../helpers/objects.ts";
import { newFineTune, newProject } from "../training/project.ts";
import { addRings, type Bench, eventsOf, openBench, valuesOf, waitFor } from "../worlds/trainer.ts";

// Each of these trains; on a busy machine that takes minutes.
vi.setConfig({ testTimeout: 300_000 });

let bench: Bench;
let scope: ProjectScope;
beforeAll(async () => {
  bench = await openBench();
  scope = await newProject(bench.services.db);
  await addRings(bench, scope, 5);
});
afterAll(async () => {
  await bench.close();
});

const never = new AbortController().signal;
const short = { epochs: 4, patience: 4, learning_rate: 3e-4, batch_size: 2, refine: "none", finder: "none" };
const long = { ...short, epochs: 200, patience: 200 };

/** Runs a job and tells its trainer to stop once it has told of this epoch; those before have left checkpoints. */
async function interrupt(id: string, epoch: number): Promise<void> {
  const before = (await eventsOf(bench.services.db, scope, id)).length;
  const stop = new AbortController();
  const outcome = expect(runFineTune(bench.trainer, id, stop.signal)).rejects.toThrow("stop now");
  await waitFor(bench, scope, id, (_row, events) =>
    events.slice(before).some(({ data }) => data["epoch"] === epoch),
  );
  stop.abort(new Error("stop now"));
  await outcome;
}

describe("a fine-tune that was interrupted", () => {
  let whole: TunedVersion;

  it("goes on from its last epoch, with its first data, and ends bit for bit as if nothing had been", async () => {
    const { db, store } = bench.services;
    // All that a state can forget: an average beside the weights, prompts that follow from predictions.
    const hyperparameters = {
      ...short,
      refine: "auto",
      finder: "auto",
      ema_decay: 0.8,
      decay_to: "base",
      prompts: "mixed",
      iou_loss_weight: 0.5,
    };
    const through = await newFineTune(db, scope, { hyperparameters });
    await runFineTune({ ...bench.trainer, checkpointEveryMs: Number.POSITIVE_INFINITY }, through, never);
    whole = await getTunedVersion(db, scope, 1);

    const id = await newFineTune(db, scope, { hyperparameters });
    await interrupt(id, 2);
    const waiting = await getFineTune(db, scope, id);
    expect(waiting).toMatchObject({ status: "queued", snapshotHash: whole.snapshotHash });
    // One object, and the row points to it.
    expect(await keysBelow(bench.services.store, keys.checkpointPrefix(scope.projectId, id))).toEqual([
      waiting.checkpointKey,
    ]);
    expect(await store.stat(waiting.checkpointKey!)).not.toBeNull();
    await addRings(bench, scope, 2, 100);

    await runFineTune(bench.trainer, id, never);
    const resumed = await getTunedVersion(db, scope, 2);
    expect(await valuesOf(bench, resumed)).toBe(await valuesOf(bench, whole));
    expect(resumed.metrics.curve).toEqual(whole.metrics.curve);
    expect(resumed.metrics.heldOut).toEqual(whole.metrics.heldOut);
    expect(resumed.snapshotHash).toBe(whole.snapshotHash);

    const events = await eventsOf(db, scope, id);
    const after = events.find(({ data }) => "resumed_after" in data)!;
    expect(after.data["resumed_after"]).toBeGreaterThanOrEqual(1);
    expect(after.message).toBe(`Attempt 2: goes on after epoch ${String(after.data["resumed_after"])}`);
    const epochs = events.filter(({ id: n }) => n > after.id).flatMap(({ data }) => data["epoch"] ?? []);
    expect(epochs[0]).toBe((after.data["resumed_after"] as number) + 1);
    expect(epochs.at(-1)).toBe(short.epochs);
    expect(await getFineTune(db, scope, id)).toMatchObject({ status: "succeeded", checkpointKey: null });
    expect(await keysBelow(bench.services.store, keys.checkpointPrefix(scope.projectId, id))).toEqual([]);
    expect(await keysBelow(bench.services.store, keys.weightsPrefix(scope.projectId, id))).toEqual([
      resumed.weightsKey,
    ]);
  });

  it("begins again, and says why, when the recipe is another, or the checkpoint is gone", async () => {
    const { db, store } = bench.services;
    const said = async (id: string) =>
      (await eventsOf(db, scope, id)).filter(({ data }) => "resumed_after" in data);
    const id = await newFineTune(db, scope, { hyperparameters: long });
    await interrupt(id, 2);
    const hyperparameters = { ...long, learning_rate: 1e-4 };
    await db.update(fineTunes).set({ hyperparameters }).where(eq(fineTunes.id, id));
    await interrupt(id, 1);
    expect(await said(id)).toMatchObject([
      {
        level: "warn",
        message: "Attempt 2: from the beginning again, because the recipe has changed",
        data: { resumed_after: null },
      },
    ]);

    const { checkpointKey } = await getFineTune(db, scope, id);
    await store.delete(checkpointKey!);
    await db
      .update(fineTunes)
      .set({ hyperparameters: { ...short, epochs: 1 } })
      .where(eq(fineTunes.id, id));
    await runFineTune(bench.trainer, id, never);
    expect((await said(id)).at(-1)?.message).toBe(
      "Attempt 3: from the beginning again, because the checkpoint can't be used",
    );
    expect((await getFineTune(db, scope, id)).status).toBe("succeeded");
  });
});

describe("a fine-tune that is stopped", () => {
  it("keeps its best epoch so far as a version like any other", async () => {
    const { db } = bench.services;
    const id = await newFineTune(db, scope, { hyperparameters: long });
    const run = runFineTune(bench.trainer, id, never);
    await waitFor(bench, scope, id, (_row, events) => events.some(({ data }) => data["epoch"] === 2));
    await stopFineTune(db, scope, id, "key_x");
    await run;
    const row = await getFineTune(db, scope, id);
    expect(row).toMatchObject({ status: "succeeded", error: null });
    const { metrics } = await getTunedVersion(db, scope, row.resultVersion!);
    const last = metrics.curve.at(-1)!.epoch;
    expect(last).toBeGreaterThanOrEqual(2);
    expect(last).toBeLessThan(200);
    const best = Math.max(...metrics.curve.map((point) => point.selectionIou));
    expect(metrics.curve[metrics.bestEpoch]?.selectionIou).toBe(best);
    const events = await eventsOf(db, scope, id);
    const [asked, done] = events.filter(({ message }) => message.startsWith("Stop"));
    expect(asked).toMatchObject({ message: "Stop asked for", data: { actor: "key_x" } });
    expect(done?.data).toEqual({ stopped_after: last, best_epoch: metrics.bestEpoch });
  });

  it("also keeps it when its trainer went meanwhile", async () => {
    const { db } = bench.services;
    const id = await newFineTune(db, scope, { hyperparameters: long });
    await interrupt(id, 2);
    // It waits for a trainer, but there is something to keep.
    await stopFineTune(db, scope, id, "key_x");
    await runFineTune(bench.trainer, id, never);
    const { resultVersion } = await getFineTune(db, scope, id);
    const { metrics } = await getTunedVersion(db, scope, resultVersion!);
    const events = await eventsOf(db, scope, id);
    const resumed = events.find(({ data }) => "resumed_after" in data)!;
    expect(metrics.curve.at(-1)!.epoch).toBe(resumed.data["resumed_after"]);
  });
});

describe("a fine-tune that is cancelled or replaced", () => {
  const objectsOf = async (id: string): Promise<string[]> => [
    ...(await keysBelow(bench.services.store, keys.checkpointPrefix(scope.projectId, id))),
    ...(await keysBelow(bench.services.store, keys.weightsPrefix(scope.projectId, id))),
  ];

  it("leaves no objects behind when it is cancelled, in training or between two attempts", async () => {
    const { db, store } = bench.services;
    const running = await newFineTune(db, scope, { hyperparameters: long });
    const run = runFineTune(bench.trainer, running, never);
    await waitFor(bench, scope, running, (_row, events) => events.some(({ data }) => data["epoch"] === 2));
    // As an attempt leaves it that dies between writing its weights and registering them.
    await store.put(keys.weights(scope.projectId, running, "a".repeat(64)), Buffer.from("unregistered"));
    await cancelFineTune(db, scope, running, "key_x");
    await run;
    expect(await objectsOf(running)).toEqual([]);

    const waiting = await newFineTune(db, scope, { hyperparameters: long });
    await interrupt(waiting, 2);
    expect(await objectsOf(waiting)).toHaveLength(1);
    await cancelFineTune(db, scope, waiting, "key_x");
    expect((await getFineTune(db, scope, waiting)).checkpointKey).toBeNull();
    // The queue's job is still there, and comes to a trainer.
    await runFineTune(bench.trainer, waiting, never);
    expect(await objectsOf(waiting)).toEqual([]);
  });

  it("leaves alone what its successor goes on from", async () => {
    const { db } = bench.services;
    const id = await newFineTune(db, scope, { hyperparameters: long });
    const run = runFineTune(bench.trainer, id, never);
    await waitFor(bench, scope, id, (row) => row.checkpointKey !== null);
    await fineTuneLeases.claim(db, id, { leaseHolder: "other" });
    const { checkpointKey } = await getFineTune(db, scope, id);
    await run;
    expect(await objectsOf(id)).toEqual([checkpointKey]);
    expect(await getFineTune(db, scope, id)).toMatchObject({ leaseHolder: "other", checkpointKey });
  });
});
