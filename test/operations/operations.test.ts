import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { insertPrediction } from "../../src/db/queries/predictions.ts";
import { newId } from "../../src/lib/ids.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { backUp, checkBackup } from "../../src/operations/backup.ts";
import { deleteWorkspace } from "../../src/operations/delete-workspace.ts";
import { collectGarbage } from "../../src/operations/garbage.ts";
import { restore } from "../../src/operations/restore.ts";
import { createQueue } from "../../src/queue/queue.ts";
import { keys } from "../../src/storage/keys.ts";
import { type Client, type TestApp, testApp } from "../helpers/app.ts";
import { testDatabase } from "../helpers/database.ts";
import { keysBelow, localTestStore } from "../helpers/objects.ts";
import { makeProject, seedAnnotated, seedEmbedding, seedFineTune, seedVersion } from "../helpers/seeds.ts";

let app: TestApp;
let folder: string;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-operations-"));
  return () => rm(folder, { recursive: true, force: true });
});

/** Rows of every table as text, in a stable order. */
async function everything(url: { sql: TestApp["sql"] }): Promise<Record<string, string[]>> {
  const tables = await url.sql<{ name: string }[]>`
    select table_name as name from information_schema.tables
    where table_schema = 'public' and table_type = 'BASE TABLE' order by 1`;
  const found: Record<string, string[]> = {};
  for (const { name } of tables) {
    const rows = await url.sql.unsafe<{ row: string }[]>(`select t::text as row from "${name}" t order by 1`);
    found[name] = rows.map(({ row }) => row);
  }
  return found;
}

/** A project with something in nearly every table, and the objects that its rows name. */
async function fullProject(client: Client): Promise<string> {
  const project = await makeProject(client);
  if (client === app.a) {
    await seedAnnotated(app, project, 2);
    await seedVersion(app, project, 1);
    await app.a.post(`/v1/projects/${project}/versions/1/promote`, { reason: "by hand" });
  } else await seedFineTune(app, project);
  const images = await app.sql<{ key: string; hash: string }[]>`
    select object_key as key, sha256 as hash from images where project_id = ${project}`;
  for (const { key, hash } of images) {
    await app.store.put(key, Buffer.from(key));
    await seedEmbedding(app, hash, client);
  }
  await insertPrediction(app.db, {
    workspaceId: client.workspaceId,
    projectId: project,
    id: newId("pred"),
    imageSha256: sha256("asked"),
    versions: [0],
    prompts: 1,
    timingMs: {},
  });
  await client.post("/v1/projects", { name: "keyed" }, { "idempotency-key": newId("req") });
  return project;
}

describe("a backup", () => {
  it("comes back whole, row by row and object by object, and its jobs wait again", async () => {
    const project = await fullProject(app.a);
    const running = await seedFineTune(app, project);
    await app.sql`update fine_tunes set status = 'running', lease_token = gen_random_uuid() where id = ${running}`;
    const before = await everything(app);
    const passing = keys.checkpoint(project, running, "1-1");
    await app.store.put(passing, Buffer.from("passing"));
    const manifest = await backUp({ databaseUrl: app.databaseUrl, store: app.store, folder });
    expect(manifest.tables.map(({ name }) => name).toSorted()).toEqual(Object.keys(before).toSorted());

    const database = await testDatabase();
    const { store, close } = await localTestStore();
    try {
      const told: string[] = [];
      await database.sql.listen("maskwright_fine_tunes", (id) => told.push(id));
      await restore({ databaseUrl: database.url, store, folder });
      const after = await everything(database);
      // The one difference: what ran when the backup was taken waits to run again.
      const ran = before["fine_tunes"]?.find((row) => row.includes(running));
      const waits = after["fine_tunes"]?.find((row) => row.includes(running));
      expect(ran).toContain("running");
      expect(waits).toContain("queued");
      const rest = (all: typeof after) => ({
        ...all,
        fine_tunes: all["fine_tunes"]?.filter((row) => !row.includes(running)),
      });
      expect(rest(after)).toEqual(rest(before));
      expect(before["versions"]?.length).toBeGreaterThan(0);
      const objects = (await keysBelow(app.store, "projects/")).filter((key) => key !== passing);
      expect(await keysBelow(store, "projects/")).toEqual(objects);
      for (const key of objects) expect(await store.get(key)).toEqual(await app.store.get(key));
      // Numbers go on behind those that came back.
      const [event] = await database.sql`
        insert into fine_tune_events (workspace_id, fine_tune_id, level, type, message)
        values (${app.a.workspaceId}, ${running}, 'info', 'message', 'next') returning id`;
      const [last] = await app.sql`select coalesce(max(id), 0) as id from fine_tune_events`;
      expect(Number(event?.["id"])).toBe(Number(last?.["id"]) + 1);
      await expect(restore({ databaseUrl: database.url, store, folder })).rejects.toThrow("has a workspace");
    } finally {
      await close();
      await database.close();
    }
  });

  it("is refused when it is damaged, or was not finished", async () => {
    await backUp({ databaseUrl: app.databaseUrl, store: app.store, folder });
    const tables = await readdir(join(folder, "tables"));
    const table = tables.find((name) => name.startsWith("projects")) ?? "";
    const path = join(folder, "tables", table);
    await writeFile(path, `${await readFile(path, "utf8")}\n`);
    await expect(checkBackup(folder)).rejects.toThrow(/damaged: .+projects\.copy is another/);
    await rm(join(folder, "manifest.json"));
    await expect(checkBackup(folder)).rejects.toThrow("was not finished");
  });
});

describe("garbage", () => {
  const dayMs = 24 * 3600_000;
  const later = () => new Date(Date.now() + 2 * dayMs);

  it("is every old object that no row refers to, and nothing else", async () => {
    const project = await fullProject(app.a);
    const kept = await keysBelow(app.store, `projects/${project}/`);
    const embeddings = await keysBelow(app.store, keys.workspacePrefix(app.a.workspaceId));
    expect(kept.length).toBeGreaterThanOrEqual(3);
    await app.sql`update fine_tunes set status = 'failed' where project_id = ${project}`;
    const gone = newId("prj");
    const orphans = [
      keys.image(project, sha256("never stored")),
      keys.weights(project, "ft_none", sha256("w")),
      keys.snapshot(project, sha256("s")),
      keys.picture(project, "ft_none", "best"),
      keys.checkpoint(project, "ft_none", "1-1"),
      keys.importZip(project, "imp_none"),
      keys.upload(project, "up_none"),
      keys.image(gone, sha256("of a project that is gone")),
      keys.embedding(app.a.workspaceId, sha256("model"), sha256("nobody's")),
      keys.regionEmbedding(app.a.workspaceId, sha256("model"), sha256("nobody's"), { region: [0, 0, 5, 5] }),
    ];
    const asked = keys.embedding(app.a.workspaceId, sha256("model"), sha256("asked"));
    for (const key of [...orphans, asked]) await app.store.put(key, Buffer.from(key));

    expect((await collectGarbage(app, { olderThanMs: dayMs })).deleted).toBe(0);
    const report = await collectGarbage(app, { olderThanMs: dayMs, now: later() });
    for (const key of orphans) expect(await app.store.stat(key), key).toBeNull();
    expect(await keysBelow(app.store, `projects/${project}/`)).toEqual(kept);
    // Asked about in a prediction that is still in the log.
    expect(await keysBelow(app.store, keys.workspacePrefix(app.a.workspaceId))).toEqual(
      [...embeddings, asked].toSorted(),
    );
    expect(report.deleted).toBeGreaterThanOrEqual(orphans.length);
  });

  it("is left where a job is open, which may be about to name it", async () => {
    const project = await makeProject(app.a);
    await seedFineTune(app, project);
    const key = keys.weights(project, "ft_new", sha256("w"));
    await app.store.put(key, Buffer.from("w"));
    const report = await collectGarbage(app, { olderThanMs: dayMs, now: later() });
    expect(report.skipped).toBeGreaterThanOrEqual(1);
    expect(await app.store.stat(key)).not.toBeNull();
    await app.sql`update fine_tunes set status = 'cancelled' where project_id = ${project}`;
    await collectGarbage(app, { olderThanMs: dayMs, now: later() });
    expect(await app.store.stat(key)).toBeNull();
  });
});

describe("a workspace that is deleted", () => {
  it("is nowhere any more, in no row of any table, in no object, and others are as they were", async () => {
    const mine = await fullProject(app.a);
    const others = await fullProject(app.b);
    const queue = await createQueue({ databaseUrl: app.databaseUrl, log: app.services.log });
    await queue.sendEmbeds(mine, [newId("img")]);
    await queue.stop({ graceMs: 0 });
    const { a } = app;
    const projects = await app.sql<
      { id: string }[]
    >`select id from projects where workspace_id = ${a.workspaceId}`;
    const ids = [a.workspaceId, a.keyId, ...projects.map(({ id }) => id)];
    const mentions = async (): Promise<string[]> => {
      const tables = await app.sql<{ schema: string; name: string }[]>`
        select table_schema as schema, table_name as name from information_schema.tables
        where table_schema in ('public', 'pgboss') and table_type = 'BASE TABLE'`;
      const found: string[] = [];
      for (const { schema, name } of tables) {
        const rows = await app.sql.unsafe<{ row: string }[]>(
          `select t::text as row from "${schema}"."${name}" t`,
        );
        if (rows.some(({ row }) => ids.some((id) => row.includes(id)))) found.push(name);
      }
      for (const prefix of ["projects/", "workspaces/", "base-models/"])
        for (const key of await keysBelow(app.store, prefix))
          if (ids.some((id) => key.includes(id))) found.push(key);
      return found;
    };
    const before = await mentions();
    for (const table of [
      "workspaces",
      "api_keys",
      "projects",
      "images",
      "annotations",
      "versions",
      "promotions",
      "predictions",
      "idempotency_keys",
    ])
      expect(before).toContain(table);
    expect(before.some((name) => name.startsWith("job"))).toBe(true);

    const rowsOfOthers = await app.sql`select count(*)::int as n from projects where id = ${others}`;
    await deleteWorkspace(app, a.workspaceId);
    expect(await mentions()).toEqual([]);
    expect((await a.get("/v1/projects")).status).toBe(401);
    expect(await app.sql`select count(*)::int as n from projects where id = ${others}`).toEqual(rowsOfOthers);
    expect((await app.b.get(`/v1/projects/${others}`)).status).toBe(200);
    await expect(deleteWorkspace(app, a.workspaceId)).rejects.toThrow("There is no workspace");
    await app.db.execute(sql`select 1`);
  });
});
