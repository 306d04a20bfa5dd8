import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPredictionLog, type PredictionLog } from "../../src/db/prediction-log.ts";
import { insertImage } from "../../src/db/queries/images.ts";
import { deleteExpiredPredictions, finishPredictions } from "../../src/db/queries/predictions.ts";
import { deleteProject, insertProject } from "../../src/db/queries/projects.ts";
import { selectPredictions } from "../../src/db/queries/usage.ts";
import { insertWorkspace } from "../../src/db/queries/workspaces.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { newId } from "../../src/lib/ids.ts";
import { createLog } from "../../src/lib/log.ts";
import { testDatabase } from "../helpers/database.ts";

let database: Awaited<ReturnType<typeof testDatabase>>;
let log: PredictionLog;
beforeAll(async () => {
  database = await testDatabase();
  // So late that only the tests themselves have it written.
  log = open(3_600_000);
});
afterAll(async () => {
  await log?.close();
  await database?.close();
});

const open = (everyMs: number): PredictionLog =>
  createPredictionLog({ ...database, log: createLog({ level: "silent", name: "test" }), everyMs });

/** A project of a workspace of its own. */
async function project() {
  const { id: workspaceId } = await insertWorkspace(database.db, { id: newId("ws"), name: "w" });
  const { id: projectId } = await insertProject(database.db, {
    id: newId("prj"),
    workspaceId,
    name: "p",
    baseModel: "mobile_sam",
  });
  return { workspaceId, projectId };
}
type Scope = Awaited<ReturnType<typeof project>>;

const rowOf = (scope: Scope) => ({
  ...scope,
  id: newId("pred"),
  imageSha256: sha256("an image"),
  width: 4,
  height: 3,
  versions: [0, 2],
  prompts: 1,
  request: { prompts: [{ box: [0, 0, 2, 2] as const }], multimask: false, format: "rle" },
  requestBytes: 70,
  actor: "key_x",
});
const facts = { masks: 2, answerBytes: 300, embeddingFrom: "memory", timingMs: { decode: 12.5, total: 20 } };

const read = async (id: string) =>
  (await database.db.execute(sql`select * from predictions where id = ${id}`))[0];
const used = async ({ workspaceId }: Scope) => selectPredictions(database.db, workspaceId);

describe("the log of predictions", () => {
  it("has the prompts before the answer, and times and sizes after it", async () => {
    const scope = await project();
    const row = rowOf(scope);
    const entry = log.open(row, null);
    expect(await entry.stored).toBe(true);
    expect(await read(row.id)).toMatchObject({
      workspace_id: scope.workspaceId,
      project_id: scope.projectId,
      image_sha256: row.imageSha256,
      width: 4,
      height: 3,
      versions: [0, 2],
      prompts: 1,
      request: row.request,
      request_bytes: 70,
      actor: "key_x",
      masks: null,
      timing_ms: {},
    });
    await entry.finish(facts);
    expect(await read(row.id)).toMatchObject({ masks: null });
    expect(await used(scope)).toBe(0);
    await log.flush();
    expect(await read(row.id)).toMatchObject({
      masks: 2,
      answer_bytes: 300,
      embedding_from: "memory",
      timing_ms: facts.timingMs,
    });
    expect(await used(scope)).toBe(1);
  });

  it("keeps nothing of a prediction that came to nothing, and does not count it", async () => {
    const scope = await project();
    const rows = [rowOf(scope), rowOf(scope)];
    const [kept, gone] = rows.map((row) => log.open(row, null));
    // Told before it is even stored.
    await Promise.all([kept?.stored, gone?.drop()]);
    await kept?.finish(facts);
    await log.flush();
    expect((await Promise.all(rows.map(async ({ id }) => read(id)))).map((row) => row?.["masks"])).toEqual([
      2,
      undefined,
    ]);
    expect(await used(scope)).toBe(1);
  });

  it("takes no row for an image that the project does not have", async () => {
    const [scope, other] = [await project(), await project()];
    const { id } = await insertImage(database.db, {
      ...other,
      id: newId("img"),
      sha256: sha256("theirs"),
      objectKey: "x",
      bytes: 1,
      format: "png",
      width: 4,
      height: 3,
    });
    const row = rowOf(scope);
    expect(await log.open(row, id).stored).toBe(false);
    expect(await log.open(row, "img_none").stored).toBe(false);
    // The image's project, named by another workspace.
    expect(await log.open({ ...row, projectId: other.projectId }, id).stored).toBe(false);
    expect(await read(row.id)).toBeUndefined();
    expect(await log.open(rowOf(other), id).stored).toBe(true);
  });

  it("lets answers be given where the database has no room, and counts none of them", async () => {
    const scope = await project();
    const about = { sha256: sha256("own"), objectKey: "y", bytes: 1, format: "png", width: 4, height: 3 };
    const { id } = await insertImage(database.db, { ...scope, id: newId("img"), ...about });
    const row = rowOf(scope);
    // What Postgres says where a file can't grow.
    await database.db.execute(sql`create function full_disk() returns trigger language plpgsql as
      $$ begin raise exception 'could not extend file' using errcode = '53100'; end $$`);
    await database.db.execute(sql`create trigger full_disk before insert on predictions
      for each statement execute function full_disk()`);
    const entry = log.open(row, id);
    expect(await entry.stored).toBe(true);
    expect(await log.open(rowOf(scope), "img_none").stored).toBe(false);
    await entry.finish(facts);
    await entry.drop();
    await database.db.execute(sql`drop function full_disk cascade`);
    await log.flush();
    expect(await read(row.id)).toBeUndefined();
    expect(await used(scope)).toBe(0);
    expect(await log.open(row, id).stored).toBe(true);
  });

  it("writes at once where it may be stopped after the answer, and the rest when it is closed", async () => {
    const scope = await project();
    const row = rowOf(scope);
    const atOnce = open(0);
    const entry = atOnce.open(row, null);
    await entry.stored;
    await entry.finish(facts);
    expect(await read(row.id)).toMatchObject({ masks: 2 });
    await atOnce.close();

    const late = open(3_600_000);
    const ended = rowOf(scope);
    const before = await used(scope);
    const begun = late.open(ended, null);
    await begun.stored;
    await begun.finish(facts);
    await late.close();
    expect(await read(ended.id)).toMatchObject({ masks: 2 });
    expect(await used(scope)).toBe(before + 1);
  });

  it("tries again what the database refused, and counts it once", async () => {
    const scope = await project();
    const row = rowOf(scope);
    const entry = log.open(row, null);
    await entry.stored;
    await entry.finish(facts);
    await database.db.execute(sql`alter table monthly_usage rename to away`);
    await log.flush();
    expect(await read(row.id)).toMatchObject({ masks: null });
    await database.db.execute(sql`alter table away rename to monthly_usage`);
    await log.flush();
    expect(await read(row.id)).toMatchObject({ masks: 2 });
    // As if the answer to the first try had been lost.
    await finishPredictions(database.db, [{ id: row.id, ...facts, masks: 9 }]);
    expect(await read(row.id)).toMatchObject({ masks: 2 });
    expect(await used(scope)).toBe(1);
  });
});

describe("a month's predictions", () => {
  it("are counted for each workspace by itself, however many instances count at once", async () => {
    const scopes = [await project(), await project(), await project()];
    const logs = [open(0), open(0), open(0)];
    const rows = Array.from({ length: 60 }, (_, i) => rowOf(scopes[i % 3] as Scope));
    await Promise.all(
      rows.map(async (row, i) => {
        const entry = (logs[i % 2] as PredictionLog).open(row, null);
        await entry.stored;
        await entry.finish(facts);
      }),
    );
    expect(await Promise.all(scopes.map(used))).toEqual([20, 20, 20]);
  });

  it("outlive the log's retention and the project, and begin anew with the month", async () => {
    const scope = await project();
    const entries = [1, 2, 3].map(() => log.open(rowOf(scope), null));
    for (const entry of entries) {
      await entry.stored;
      await entry.finish(facts);
    }
    await log.flush();
    await database.db.execute(
      sql`update predictions set created_at = now() - interval '91 days' where project_id = ${scope.projectId}`,
    );
    expect(await deleteExpiredPredictions(database.db, 1000)).toHaveLength(3);
    expect(await used(scope)).toBe(3);
    await deleteProject(database.db, scope);
    expect(await used(scope)).toBe(3);
    await database.db.execute(
      sql`update monthly_usage set month = month - interval '1 month' where workspace_id = ${scope.workspaceId}`,
    );
    expect(await used(scope)).toBe(0);
  });
});
