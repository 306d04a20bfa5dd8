import { afterAll, beforeAll, expect, test } from "vitest";
import { channels, createListener } from "../../src/db/listen.ts";
import { createLog } from "../../src/lib/log.ts";
import { testDatabase } from "../helpers/database.ts";

const database = await testDatabase();
const { sql } = database;
const listener = createListener({
  databaseUrl: database.url,
  log: createLog({ level: "silent", name: "test" }),
});
afterAll(async () => {
  await listener.close();
  await database.close();
});

beforeAll(async () => {
  await sql`insert into workspaces (id, name) values ('ws_1', 'one'), ('ws_2', 'two')`;
  await sql`insert into projects (id, workspace_id, name) values ('prj_1', 'ws_1', 'a'), ('prj_2', 'ws_2', 'b')`;
});

/** The ids heard on a channel, to be awaited one by one; the first null of the subscription is left out. */
async function hear(channel: (typeof channels)[keyof typeof channels]) {
  const heard: (string | null)[] = [];
  let wake = (): void => {};
  const stop = await listener.watch(channel, (id) => {
    heard.push(id);
    wake();
  });
  expect(heard.shift()).toBeNull();
  const next = async (): Promise<string | null> => {
    while (heard.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return heard.shift() ?? null;
  };
  return { next, heard, stop };
}

test("a plain INSERT that names only the project is whole, and notifies at commit", async () => {
  const queued = await hear(channels.fineTunes);
  const [row] = await sql`insert into fine_tunes (project_id) values ('prj_2') returning *`;
  expect(row).toMatchObject({
    workspace_id: "ws_2",
    status: "queued",
    seed: 0,
    attempt: 0,
    hyperparameters: {},
  });
  expect(row?.["id"]).toMatch(/^ft_[0-9a-f]{32}$/);
  expect(await queued.next()).toBe(row?.["id"]);
  queued.stop();
});

test("nothing is told of a transaction that is rolled back", async () => {
  const queued = await hear(channels.fineTunes);
  await sql
    .begin(async (tx) => {
      await tx`insert into fine_tunes (id, project_id) values ('ft_never', 'prj_1')`;
      throw new Error("roll back");
    })
    .catch(() => {});
  await sql`insert into fine_tunes (id, project_id) values ('ft_after', 'prj_1')`;
  expect(await queued.next()).toBe("ft_after");
  queued.stop();
});

test("a workspace can't be claimed: the project's is taken", async () => {
  const [row] = await sql`
    insert into fine_tunes (project_id, workspace_id) values ('prj_1', 'ws_2') returning workspace_id`;
  expect(row?.["workspace_id"]).toBe("ws_1");
});

test("a change of status is told, a write of the same status is not, and a row set back to queued is queued again", async () => {
  const changed = await hear(channels.fineTuneChanged);
  const queued = await hear(channels.fineTunes);
  await sql`insert into fine_tunes (id, project_id) values ('ft_c', 'prj_1'), ('ft_d', 'prj_1')`;
  expect([await queued.next(), await queued.next()]).toEqual(["ft_c", "ft_d"]);
  await sql`update fine_tunes set status = 'running' where id = 'ft_c'`;
  await sql`update fine_tunes set status = 'running' where id = 'ft_c'`;
  await sql`update fine_tunes set status = 'cancelled' where id = 'ft_d'`;
  await sql`update fine_tunes set status = 'queued' where id = 'ft_c'`;
  expect([await changed.next(), await changed.next(), await changed.next()]).toEqual([
    "ft_c",
    "ft_d",
    "ft_c",
  ]);
  expect(await queued.next()).toBe("ft_c");
  expect(queued.heard).toEqual([]);
  changed.stop();
  queued.stop();
});

test("an event tells its fine-tune's id, an import its own", async () => {
  const events = await hear(channels.fineTuneEvents);
  const imports = await hear(channels.imports);
  await sql`insert into fine_tunes (id, project_id) values ('ft_e', 'prj_1')`;
  await sql`insert into fine_tune_events (workspace_id, fine_tune_id, level, type, message)
    values ('ws_1', 'ft_e', 'info', 'message', 'hello')`;
  expect(await events.next()).toBe("ft_e");
  const [row] = await sql`insert into imports (id, project_id, object_key, bytes)
    values ('imp_1', 'prj_2', 'k', 1) returning workspace_id`;
  expect(row?.["workspace_id"]).toBe("ws_2");
  expect(await imports.next()).toBe("imp_1");
  events.stop();
  imports.stop();
});

test.each([
  [
    "an unknown project",
    `insert into fine_tunes (project_id) values ('prj_9')`,
    "project prj_9 does not exist",
  ],
  [
    "an unknown status",
    `insert into fine_tunes (project_id, status) values ('prj_1', 'done')`,
    "status_check",
  ],
  ["a negative seed", `insert into fine_tunes (project_id, seed) values ('prj_1', -1)`, "seed_check"],
  [
    "a base version that is not there",
    `insert into fine_tunes (project_id, base_version) values ('prj_1', 3)`,
    "base_version_fk",
  ],
  [
    "hyperparameters that are a list",
    `insert into fine_tunes (project_id, hyperparameters) values ('prj_1', '[]')`,
    "hyperparameters_check",
  ],
  [
    "an active version that is not there",
    `update projects set active_version = 7 where id = 'prj_1'`,
    "active_version_fk",
  ],
  [
    "an import of nothing",
    `insert into imports (id, project_id, object_key, bytes) values ('imp_2', 'prj_1', 'k', 0)`,
    "bytes_check",
  ],
])("%s is refused by the database", async (_what, statement, message) => {
  await expect(sql.unsafe(statement)).rejects.toThrow(message);
});

test("a project goes with everything that hangs on it, its active version too", async () => {
  await sql`insert into fine_tunes (id, project_id) values ('ft_v', 'prj_1')`;
  await sql`
    insert into versions (id, workspace_id, project_id, number, fine_tune_id, base_model, weights_key, weights_sha256,
      weights_bytes, snapshot_hash, snapshot_key, hyperparameters, seed, engine, metrics)
    values ('ver_1', 'ws_1', 'prj_1', 1, 'ft_v', 'mobile_sam', 'k', ${"a".repeat(64)}, 1, 'h', 'k', '{}', 0, 'compiled', '{}')`;
  await sql`update projects set active_version = 1 where id = 'prj_1'`;
  await sql`insert into fine_tunes (project_id, base_version) values ('prj_1', 1)`;
  await expect(sql`delete from versions where id = 'ver_1'`).rejects.toThrow("active_version_fk");
  await sql`delete from projects where id = 'prj_1'`;
  expect(await sql`select id from versions`).toEqual([]);
  expect(await sql`select id from fine_tunes where project_id = 'prj_1'`).toEqual([]);
});

test("after the connection was cut, the listener hears again, and is told to look at everything", async () => {
  const queued = await hear(channels.fineTunes);
  await sql`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'maskwright listener'`;
  expect(await queued.next()).toBeNull();
  await sql`insert into fine_tunes (id, project_id) values ('ft_again', 'prj_2')`;
  expect(await queued.next()).toBe("ft_again");
  queued.stop();
});
