import { eq } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { OpenDatabase } from "../../src/db/client.ts";
import { cancelFineTune } from "../../src/db/queries/fine-tunes.ts";
import { insertImport } from "../../src/db/queries/imports.ts";
import { cancelAutoLabel, insertAutoLabel } from "../../src/db/queries/auto-labels.ts";
import {
  autoLabelLeases,
  fineTuneLeases,
  importLeases,
  type Lease,
  previewLeases,
} from "../../src/db/queries/leases.ts";
import { cancelPreview, insertPreview } from "../../src/db/queries/previews.ts";
import type { ProjectScope } from "../../src/db/queries/scope.ts";
import { autoLabels, fineTunePreviews, fineTunes, imports } from "../../src/db/schema/index.ts";
import {
  autoLabelStates,
  fineTuneStates,
  type FineTuneStatus,
  type FineTuneStep,
  importStates,
  type ImportStatus,
  type JobStep,
  previewStates,
  type PreviewStatus,
} from "../../src/domain/job-states.ts";
import type { PreviewResult } from "../../src/domain/preview.ts";
import { newId } from "../../src/lib/ids.ts";
import { testDatabase } from "../helpers/database.ts";
import { newFineTune, newProject } from "../training/project.ts";

let database: OpenDatabase;
let scope: ProjectScope;
beforeAll(async () => {
  database = await testDatabase();
  scope = await newProject(database.db);
});
afterAll(() => database.close());

const error = { code: "internal_error", message: "because" };
const result = { images: 1 } as PreviewResult;
type Step = FineTuneStep;
/** Every pair of a table, as a test's arguments. */
const pairsOf = (states: Readonly<Record<string, Readonly<Record<string, string | null>>>>) =>
  Object.entries(states).flatMap(([status, steps]) =>
    Object.entries(steps).map(([step, end]) => [status, step, end ?? "nothing"] as const),
  );

/** The way to a status from the beginning, as workers and callers go it. */
const ways: Readonly<Record<FineTuneStatus, readonly FineTuneStep[]>> = {
  queued: [],
  preparing: ["claim"],
  running: ["claim", "train"],
  evaluating: ["claim", "train", "judge"],
  succeeded: ["claim", "train", "judge", "succeed"],
  failed: ["give_up"],
  cancelled: ["cancel"],
};
const shortWays: Readonly<Record<PreviewStatus, readonly JobStep[]>> = {
  queued: [],
  running: ["claim"],
  succeeded: ["claim", "succeed"],
  failed: ["claim", "fail"],
  cancelled: ["cancel"],
};

/** Takes steps with a job, holding the lease that its last claim gave. */
class FineTune {
  lease: Lease;
  constructor(id: string) {
    this.lease = { id, token: crypto.randomUUID() };
  }
  async take(step: Step): Promise<unknown> {
    const { db } = database;
    const { id } = this.lease;
    if (step === "claim") {
      const row = await fineTuneLeases.claim(db, id);
      if (row) this.lease = { id, token: row.leaseToken };
      return row;
    }
    if (step === "train" || step === "judge") return fineTuneLeases.move(db, this.lease, step);
    if (step === "succeed") return fineTuneLeases.succeed(db, this.lease, { resultVersion: 1 });
    if (step === "fail") return fineTuneLeases.fail(db, this.lease, error);
    if (step === "release") return fineTuneLeases.release(db, this.lease);
    if (step === "give_up") return fineTuneLeases.giveUp(db, id, error);
    return cancelFineTune(db, scope, id, "key_1").catch(() => null);
  }
  async row() {
    const [row] = await database.db.select().from(fineTunes).where(eq(fineTunes.id, this.lease.id));
    return row;
  }
}

describe("a fine-tune", () => {
  it.each(pairsOf(fineTuneStates))("that is %s goes, by %s, to %s", async (status, step, end) => {
    const job = new FineTune(await newFineTune(database.db, scope));
    for (const one of ways[status as FineTuneStatus]) await job.take(one);
    const before = await job.row();
    expect(before?.status).toBe(status);
    await job.take(step as Step);
    const after = await job.row();
    if (end === "nothing") expect(after).toEqual(before);
    else expect(after?.status).toBe(end);
  });

  it("has a token while somebody works at it, and an end in time once it has ended, and never both", async () => {
    for (const [status, way] of Object.entries(ways)) {
      const job = new FineTune(await newFineTune(database.db, scope));
      for (const one of way) await job.take(one);
      const row = await job.row();
      const isHeld = fineTuneStates[status as FineTuneStatus].release !== null;
      const isOpen = fineTuneStates[status as FineTuneStatus].give_up !== null;
      expect([row?.leaseToken !== null, row?.finishedAt !== null]).toEqual([isHeld, !isOpen]);
    }
  });
});

describe("a preview", () => {
  it.each(pairsOf(previewStates))("that is %s goes, by %s, to %s", async (status, step, end) => {
    const { db } = database;
    const id = newId("fpv");
    await insertPreview(db, { ...scope, id, seed: 0 });
    let lease: Lease = { id, token: crypto.randomUUID() };
    const take: Readonly<Record<JobStep, () => Promise<unknown>>> = {
      claim: async () => {
        const row = await previewLeases.claim(db, id);
        if (row) lease = { id, token: row.leaseToken };
      },
      succeed: () => previewLeases.succeed(db, lease, { result }),
      fail: () => previewLeases.fail(db, lease, error),
      release: () => previewLeases.release(db, lease),
      give_up: () => previewLeases.giveUp(db, id, error),
      cancel: () => cancelPreview(db, scope, id).catch(() => null),
    };
    for (const one of shortWays[status as PreviewStatus]) await take[one]();
    const rowOf = async () =>
      (await db.select().from(fineTunePreviews).where(eq(fineTunePreviews.id, id)))[0];
    const before = await rowOf();
    expect(before?.status).toBe(status);
    await take[step as JobStep]();
    const after = await rowOf();
    if (end === "nothing") expect(after).toEqual(before);
    else expect(after?.status).toBe(end);
  });
});

describe("an auto-label", () => {
  it.each(pairsOf(autoLabelStates))("that is %s goes, by %s, to %s", async (status, step, end) => {
    const { db } = database;
    const id = newId("al");
    const own = await newProject(db);
    await insertAutoLabel(db, { ...own, id, version: 1, threshold: null, maxObjects: 1, labels: null });
    let lease: Lease = { id, token: crypto.randomUUID() };
    const take: Readonly<Record<JobStep, () => Promise<unknown>>> = {
      claim: async () => {
        const row = await autoLabelLeases.claim(db, id);
        if (row) lease = { id, token: row.leaseToken };
      },
      succeed: () => autoLabelLeases.succeed(db, lease, {}),
      fail: () => autoLabelLeases.fail(db, lease, error),
      release: () => autoLabelLeases.release(db, lease),
      give_up: () => autoLabelLeases.giveUp(db, id, error),
      cancel: () => cancelAutoLabel(db, own, id).catch(() => null),
    };
    for (const one of shortWays[status as PreviewStatus]) await take[one]();
    const rowOf = async () => (await db.select().from(autoLabels).where(eq(autoLabels.id, id)))[0];
    const before = await rowOf();
    expect(before?.status).toBe(status);
    await take[step as JobStep]();
    const after = await rowOf();
    if (end === "nothing") expect(after).toEqual(before);
    else expect(after?.status).toBe(end);
  });
});

describe("an import", () => {
  const pairs = pairsOf(importStates).filter(([, step]) => step !== "cancel");
  it.each(pairs)("that is %s goes, by %s, to %s", async (status, step, end) => {
    const { db } = database;
    const id = newId("imp");
    await insertImport(db, { ...scope, id, objectKey: "key", bytes: 1, fileName: null });
    let lease: Lease = { id, token: crypto.randomUUID() };
    const take: Readonly<Record<Exclude<JobStep, "cancel">, () => Promise<unknown>>> = {
      claim: async () => {
        const row = await importLeases.claim(db, id);
        if (row) lease = { id, token: row.leaseToken };
      },
      succeed: () => importLeases.succeed(db, lease, { imagesCreated: 1, annotationsCreated: 1 }),
      fail: () => importLeases.fail(db, lease, error),
      release: () => importLeases.release(db, lease),
      give_up: () => importLeases.giveUp(db, id, error),
    };
    for (const one of shortWays[status as ImportStatus]) await take[one as Exclude<JobStep, "cancel">]();
    const rowOf = async () => (await db.select().from(imports).where(eq(imports.id, id)))[0];
    const before = await rowOf();
    expect(before?.status).toBe(status);
    await take[step as Exclude<JobStep, "cancel">]();
    const after = await rowOf();
    if (end === "nothing") expect(after).toEqual(before);
    else expect(after?.status).toBe(end);
  });
});
