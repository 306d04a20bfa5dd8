import { asc, eq } from "../../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OpenDatabase } from "../../../src/db/client.ts";
import { appendEvent, selectFineTuneEvents } from "../../../src/db/queries/fine-tune-events.ts";
import { fineTuneLeases, type Lease } from "../../../src/db/queries/leases.ts";
import { cancelFineTune } from "../../../src/db/queries/fine-tunes.ts";
import { getProject } from "../../../src/db/queries/projects.ts";
import type { ProjectScope } from "../../../src/db/queries/scope.ts";
import { listPromotions } from "../../../src/db/queries/promotions.ts";
import { listVersions } from "../../../src/db/queries/versions.ts";
import { fineTunes, promotions, versions } from "../../../src/db/schema/index.ts";
import { HeldFineTune } from "../../../src/jobs/fine-tune/held.ts";
import { Cancelled, LeaseLost } from "../../../src/jobs/held.ts";
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

async function claim(id: string, holder = "a"): Promise<Lease> {
  const row = await fineTuneLeases.claim(database.db, id, { leaseHolder: holder });
  if (!row) throw new Error("not claimed");
  return { id, token: row.leaseToken };
}

/** Claims a job and takes it to where its version is judged. */
async function judging(id: string): Promise<Lease> {
  const lease = await claim(id);
  await fineTuneLeases.move(database.db, lease, "train");
  await fineTuneLeases.move(database.db, lease, "judge");
  return lease;
}

const rowOf = async (id: string) =>
  (await database.db.select().from(fineTunes).where(eq(fineTunes.id, id)))[0];

function registration(scope: ProjectScope, lease: Lease, promote = true): Registration {
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
    await fineTuneLeases.move(db, first, "train");
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
    expect(await fineTuneLeases.claim(db, id)).toBeNull();
    expect(await fineTuneLeases.claim(db, "ft_nowhere")).toBeNull();
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
    expect(await fineTuneLeases.move(db, lost, "train")).toBeNull();
    expect(await fineTuneLeases.write(db, lost, { progress })).toBeNull();
    expect(await fineTuneLeases.note(db, lost, "still here")).toBe(false);
    expect(await fineTuneLeases.lock(db, lost)).toBe(false);
    expect(await appendEvent(db, lost, { message: "still here" })).toBe(false);
    expect(await fineTuneLeases.fail(db, lost, { code: "x", message: "x" })).toBeNull();
    expect(await fineTuneLeases.succeed(db, lost, { resultVersion: 7 })).toBeNull();
    expect(await fineTuneLeases.release(db, lost)).toBeNull();
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
    await expect(replaced.move("train")).rejects.toThrow(LeaseLost);
    await expect(replaced.move("train")).rejects.not.toBeInstanceOf(Cancelled);
    await cancelFineTune(db, scope, id, "key_x");
    await expect(cancelled.append({ message: "on" })).rejects.toBeInstanceOf(Cancelled);
  });
});

describe("registering a version", () => {
  it("numbers it, ends the job, promotes with an audit row, and tells so, at once", async () => {
    const { db } = database;
    const scope = await newProject(db);
    const [one, two] = [await newFineTune(db, scope), await newFineTune(db, scope)];
    expect(await registerVersion(db, registration(scope, await judging(one)))).toEqual({
      number: 1,
      promoted: true,
    });
    const lease = await judging(two);
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
    const lease = await judging(await newFineTune(db, scope));
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
      Array.from({ length: 4 }, async () => judging(await newFineTune(db, scope))),
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
    await registerVersion(db, registration(scope, await judging(await newFineTune(db, scope))));
    const later = registration(scope, await judging(await newFineTune(db, scope)));
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
    expect(await fineTuneLeases.giveUp(db, id, error)).toMatchObject({ id });
    expect(await rowOf(id)).toMatchObject({ status: "failed", error });
    expect(await fineTuneLeases.giveUp(db, id, error)).toBeNull();
    expect(await fineTuneLeases.move(db, lease, "train")).toBeNull();
    expect(await fineTuneLeases.statusOf(db, id)).toBe("failed");
  });
});
