import { eq } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { fineTuneLeases } from "../../src/db/queries/leases.ts";
import { cancelFineTune, getFineTune } from "../../src/db/queries/fine-tunes.ts";
import { deleteProject } from "../../src/db/queries/projects.ts";
import type { ProjectScope } from "../../src/db/queries/scope.ts";
import { listVersions } from "../../src/db/queries/versions.ts";
import { annotations } from "../../src/db/schema/index.ts";
import { deleteBelow } from "../../src/storage/delete-below.ts";
import { keys } from "../../src/storage/keys.ts";
import { runFineTune } from "../../src/jobs/fine-tune/run.ts";
import { keysBelow, wrapStore } from "../helpers/objects.ts";
import { newFineTune, newProject } from "../training/project.ts";
import { addRings, type Bench, eventsOf, openBench, waitFor } from "../worlds/trainer.ts";

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

const long = { epochs: 200, learning_rate: 3e-4, batch_size: 2 };
const never = new AbortController().signal;

describe("a fine-tune that can't succeed", () => {
  it("fails with what is missing when the annotations went away", async () => {
    const { db } = bench.services;
    const empty = await newProject(db, scope.workspaceId);
    await addRings(bench, empty, 3);
    const [row] = await db.select().from(annotations).where(eq(annotations.projectId, empty.projectId));
    await db.delete(annotations).where(eq(annotations.id, row?.id ?? ""));
    const id = await newFineTune(db, empty);
    await runFineTune(bench.trainer, id, never);
    expect(await getFineTune(db, empty, id)).toMatchObject({
      status: "failed",
      error: { code: "not_enough_annotations", message: expect.stringContaining("at least 3") },
    });
    expect((await eventsOf(db, empty, id)).at(-1)).toMatchObject({ level: "error" });
  });

  it("fails by name on a hyperparameter that plain SQL let in", async () => {
    const { db } = bench.services;
    const id = await newFineTune(db, scope, { hyperparameters: { epochs: -1 } });
    await runFineTune(bench.trainer, id, never);
    expect(await getFineTune(db, scope, id)).toMatchObject({
      status: "failed",
      error: { code: "hyperparameter_invalid", param: "hyperparameters.epochs" },
    });
  });
});

describe("a fine-tune that is interrupted", () => {
  const trained = (events: { data: Record<string, unknown> }[]): boolean =>
    events.some((event) => event.data["epoch"] === 1);

  it("stops at a cancel and registers nothing", async () => {
    const { db } = bench.services;
    const before = (await listVersions(db, scope, { limit: 50 })).rows.length;
    const id = await newFineTune(db, scope, { hyperparameters: long });
    const run = runFineTune(bench.trainer, id, never);
    await waitFor(bench, scope, id, (_row, events) => trained(events));
    await cancelFineTune(db, scope, id, "key_x");
    await run;
    expect(await getFineTune(db, scope, id)).toMatchObject({ status: "cancelled", resultVersion: null });
    expect((await listVersions(db, scope, { limit: 50 })).rows).toHaveLength(before);
    expect((await eventsOf(db, scope, id)).at(-1)?.message).toBe("Cancelled");
  });

  it("leaves nothing of a project that was deleted under it", async () => {
    const { db, store } = bench.services;
    const doomed = await newProject(db);
    await addRings(bench, doomed, 3);
    const id = await newFineTune(db, doomed);
    const objects = () => keysBelow(store, keys.projectPrefix(doomed.projectId));
    const deleting = wrapStore(store, {
      put: async (key, data) => {
        await deleteProject(db, doomed);
        await deleteBelow(store, keys.projectPrefix(doomed.projectId));
        const info = await store.put(key, data);
        expect(await objects()).toEqual([key]);
        return info;
      },
    });
    await runFineTune({ ...bench.trainer, store: deleting }, id, never);
    expect(await objects()).toEqual([]);
  });

  it("goes back to the queue when its trainer is told to stop", async () => {
    const { db } = bench.services;
    const stop = new AbortController();
    const id = await newFineTune(db, scope, { hyperparameters: long });
    const run = runFineTune(bench.trainer, id, stop.signal);
    const outcome = expect(run).rejects.toThrow("stop now");
    await waitFor(bench, scope, id, (_row, events) => trained(events));
    stop.abort(new Error("stop now"));
    await outcome;
    expect(await getFineTune(db, scope, id)).toMatchObject({
      status: "queued",
      leaseToken: null,
      progress: null,
      error: null,
    });
  });

  it("writes nothing more once another worker has claimed it", async () => {
    const { db } = bench.services;
    const before = (await listVersions(db, scope, { limit: 50 })).rows.length;
    const id = await newFineTune(db, scope, { hyperparameters: long });
    const run = runFineTune(bench.trainer, id, never);
    await waitFor(bench, scope, id, (_row, events) => trained(events));
    await fineTuneLeases.claim(db, id, { leaseHolder: "other" });
    const events = (await eventsOf(db, scope, id)).length;
    await run;
    expect(await getFineTune(db, scope, id)).toMatchObject({
      status: "preparing",
      leaseHolder: "other",
      attempt: 2,
    });
    expect(await eventsOf(db, scope, id)).toHaveLength(events);
    expect((await listVersions(db, scope, { limit: 50 })).rows).toHaveLength(before);
  });
});
