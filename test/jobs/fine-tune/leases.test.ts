import { asc, eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OpenDatabase } from "../../../src/db/client.ts";
import { appendEvent, selectFineTuneEvents } from "../../../src/db/queries/fine-tune-events.ts";
import {
  abandonFineTune,
  claimFineTune,
  failFineTune,
  type FineTuneLease,
  releaseFineTune,
  selectFineTuneStatus,
  setFineTuneCheckpoint,
  setFineTuneFacts,
  setFineTuneProgress,
  setFineTuneStatus,
  succeedFineTune,
} from "../../../src/db/queries/fine-tune-leases.ts";
import { cancelFineTune } from "../../../src/db/queries/fine-tunes.ts";
import { getProject } from "../../../src/db/queries/projects.ts";
import type { ProjectScope } from "../../../src/db/queries/scope.ts";
import { listPromotions } from "../../../src/db/queries/promotions.ts";
import { listVersions } from "../../../src/db/queries/versions.ts";
import { fineTunes, promotions, versions } from "../../../src/db/schema/index.ts";
import { Cancelled, HeldFineTune, LeaseLost } from "../../../src/jobs/fine-tune/held.ts";
import { type Registration, registerVersion } from "../../../src/jobs/fine-tune/register.ts";
import { testDatabase } from "../../helpers/database.ts";
import { newFineTune, newProject } from "../../training/project.ts";

let database: OpenDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(async () => {
  await database.close();
});

async function claim(id: string, holder = "a"): Promise<FineTuneLease> {
  const row = await claimFineTune(database.db, id, holder);
  if (!row) throw new Error("not claimed");
  return { id, token: row.leaseToken };
}

const rowOf = async (id: string) =>
  (await database.db.select().from(fineTunes).where(eq(fineTunes.id, id)))[0];

function registration(scope: ProjectScope, lease: FineTuneLease, promote = true): Registration {
  const scores = { meanIou: 0.5, meanDice: 0.6 };
  return {
    scope,
    lease,
    decision: { promote, reason: "because" },
    judgedAgainst: null,
    version: {
      baseModel: "mobile_sam",
      parentVersion: null,
      weightsKey: "key",
      weightsSha256: "0".repeat(64),
      weightsBytes: 1,
      snapshotHash: "hash",
      snapshotKey: "key",
      hyperparameters: {},
      seed: 0,
      engine: "compiled",
      metrics: {
        heldOut: { images: 1, annotations: 1, base: scores, tuned: scores },
        perAnnotation: [],
        curve: [],
        bestEpoch: 0,
        split: { train: 1, selection: 0, heldOut: 1 },
      },
    },
  };
}

describe("a claim", () => {
  it("starts the job, and a second one starts it again with another token", async () => {
    const { db } = database;
    const id = await newFineTune(db, await newProject(db));
    const first = await claim(id);
    const started = (await rowOf(id))?.startedAt;
    await setFineTuneStatus(db, first, "running");
    const second = await claim(id, "b");
    expect(second.token).not.toBe(first.token);
    expect(await rowOf(id)).toMatchObject({
      status: "preparing",
      attempt: 2,
      leaseHolder: "b",
      startedAt: started,
    });
  });

  it("is refused once the job has ended", async () => {
    const { db } = database;
    const scope = await newProject(db);
    const id = await newFineTune(db, scope);
    await cancelFineTune(db, scope, id, "key_x");
    expect(await claimFineTune(db, id, "a")).toBeNull();
    expect(await claimFineTune(db, "ft_nowhere", "a")).toBeNull();
  });
});

describe("a worker that lost its lease", () => {
  it("can write nothing", async () => {
    const { db } = database;
    const scope = await newProject(db);
    const id = await newFineTune(db, scope);
    const lost = await claim(id);
    await claim(id, "b");
    const before = await rowOf(id);
    const progress = { phase: "train", done: 1, total: 2, etaSeconds: null } as const;
    expect(await setFineTuneStatus(db, lost, "evaluating")).toBe(false);
    expect(await setFineTuneProgress(db, lost, progress)).toBeNull();
    expect(await setFineTuneCheckpoint(db, lost, "key")).toBe(false);
    expect(await setFineTuneFacts(db, lost, { engine: "eager" })).toBe(false);
    expect(await appendEvent(db, lost, { message: "still here" })).toBe(false);
    expect(await failFineTune(db, lost, { code: "x", message: "x" })).toBe(false);
    expect(await succeedFineTune(db, lost, 7)).toBe(false);
    expect(await releaseFineTune(db, lost)).toBe(false);
    await expect(registerVersion(db, registration(scope, lost))).rejects.toThrow(LeaseLost);
    expect(await rowOf(id)).toEqual(before);
    expect((await listVersions(db, scope, { limit: 10 })).rows).toEqual([]);
    expect((await listPromotions(db, scope, { limit: 10 })).rows).toEqual([]);
    expect((await getProject(db, scope)).activeVersion).toBeNull();
    const events = { workspaceId: scope.workspaceId, fineTuneId: id, after: 0, limit: 10 };
    expect(await selectFineTuneEvents(db, events)).toEqual([]);
  });

  it("is told whether it was cancelled or replaced", async () => {
    const { db } = database;
    const scope = await newProject(db);
    const id = await newFineTune(db, scope);
    const replaced = new HeldFineTune(db, await claim(id));
    const cancelled = new HeldFineTune(db, await claim(id));
    await expect(replaced.setStatus("running")).rejects.toThrow(LeaseLost);
    await expect(replaced.setStatus("running")).rejects.not.toBeInstanceOf(Cancelled);
    await cancelFineTune(db, scope, id, "key_x");
    await expect(cancelled.append({ message: "on" })).rejects.toBeInstanceOf(Cancelled);
  });
});

describe("registering a version", () => {
  it("numbers it, ends the job, promotes with an audit row, and tells so, at once", async () => {
    const { db } = database;
    const scope = await newProject(db);
    const [one, two] = [await newFineTune(db, scope), await newFineTune(db, scope)];
    expect(await registerVersion(db, registration(scope, await claim(one)))).toEqual({
      number: 1,
      promoted: true,
    });
    const lease = await claim(two);
    expect(await registerVersion(db, registration(scope, lease, false))).toEqual({
      number: 2,
      promoted: false,
    });
    expect(await rowOf(one)).toMatchObject({ status: "succeeded", resultVersion: 1, leaseToken: null });
    expect((await getProject(db, scope)).activeVersion).toBe(1);
    const audit = await db.select().from(promotions).where(eq(promotions.projectId, scope.projectId));
    expect(audit).toMatchObject([
      { kind: "auto", fromVersion: null, toVersion: 1, actor: one, reason: "because" },
    ]);
    const events = await selectFineTuneEvents(db, {
      workspaceId: scope.workspaceId,
      fineTuneId: one,
      after: 0,
      limit: 10,
    });
    const scores = { mean_iou: 0.5, mean_dice: 0.6 };
    expect(events.at(-1)?.data).toEqual({ version: 1, promoted: true, base: scores, tuned: scores });
  });

  it("can't be done twice by one job", async () => {
    const { db } = database;
    const scope = await newProject(db);
    const lease = await claim(await newFineTune(db, scope));
    const results = await Promise.allSettled(
      [1, 2, 3].map(async () => registerVersion(db, registration(scope, lease))),
    );
    expect(results.map((result) => result.status).sort()).toEqual(["fulfilled", "rejected", "rejected"]);
    expect((await listVersions(db, scope, { limit: 10 })).rows).toHaveLength(1);
  });

  it("gives jobs of one project numbers without gap or double, however they meet", async () => {
    const { db } = database;
    const scope = await newProject(db);
    const leases = await Promise.all(
      Array.from({ length: 4 }, async () => claim(await newFineTune(db, scope))),
    );
    await Promise.all(leases.map(async (lease) => registerVersion(db, registration(scope, lease, false))));
    const numbers = await db
      .select({ number: versions.number })
      .from(versions)
      .where(eq(versions.projectId, scope.projectId))
      .orderBy(asc(versions.number));
    expect(numbers.map((row) => row.number)).toEqual([1, 2, 3, 4]);
  });

  it("leaves what is live alone when that changed since the judgement", async () => {
    const { db } = database;
    const scope = await newProject(db);
    await registerVersion(db, registration(scope, await claim(await newFineTune(db, scope))));
    const later = registration(scope, await claim(await newFineTune(db, scope)));
    expect(await registerVersion(db, later)).toEqual({ number: 2, promoted: false });
    expect((await getProject(db, scope)).activeVersion).toBe(1);
  });
});

describe("a job that the queue gives up", () => {
  it("fails, whoever held it, and only while it is open", async () => {
    const { db } = database;
    const scope = await newProject(db);
    const id = await newFineTune(db, scope);
    const lease = await claim(id);
    const error = { code: "internal_error", message: "gave up" };
    expect(await abandonFineTune(db, id, error)).toBe(true);
    expect(await rowOf(id)).toMatchObject({ status: "failed", error });
    expect(await abandonFineTune(db, id, error)).toBe(false);
    expect(await setFineTuneStatus(db, lease, "running")).toBe(false);
    expect(await selectFineTuneStatus(db, id)).toBe("failed");
  });
});
