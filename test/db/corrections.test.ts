import { afterAll, beforeEach, expect, test } from "vitest";
import type { OpenDatabase } from "../../src/db/client.ts";
import { testDatabase } from "../helpers/database.ts";

const database = await testDatabase();
const { sql } = database;
afterAll(() => database.close());

beforeEach(async () => {
  await sql`delete from projects`;
  await sql`insert into workspaces (id, name) values ('ws', 'one') on conflict do nothing`;
  await sql`insert into projects (id, workspace_id, name, fine_tune_after_corrections) values ('prj', 'ws', 'a', 3)`;
});

async function annotate(images: number): Promise<void> {
  for (let i = 0; i < images; i++) {
    await sql`insert into images (id, workspace_id, project_id, sha256, object_key, bytes, format, width, height)
      values (${`img_${i}`}, 'ws', 'prj', ${String(i).padStart(64, "0")}, 'k', 1, 'png', 20, 10)`;
    await sql`insert into annotations (id, workspace_id, project_id, image_id, counts, area, box, source)
      values (${`ann_${i}`}, 'ws', 'prj', ${`img_${i}`}, 'x', 1, '[0, 0, 1, 1]'::jsonb, 'api')`;
  }
}

let next = 0;
const say = (action = "correct", tx: Pick<OpenDatabase["sql"], "unsafe"> = sql) =>
  tx.unsafe(
    `insert into feedback (project_id, prediction_id, prompt_index, version, action) values ('prj', $1, 0, 0, $2)`,
    [`pred_${next++}`, action],
  );
const jobs = () =>
  sql`select id, status, cause, workspace_id from fine_tunes where project_id = 'prj' order by created_at`;

test("the third correction starts a fine-tune, told in its events; rejections and acceptances do not count", async () => {
  await annotate(3);
  await say();
  await say("accept");
  await say("reject");
  await say();
  expect(await jobs()).toEqual([]);
  await say();
  const [job, ...more] = await jobs();
  expect(more).toEqual([]);
  expect(job).toMatchObject({ status: "queued", cause: "corrections", workspace_id: "ws" });
  const events = await sql`select message, data from fine_tune_events where fine_tune_id = ${job?.["id"]}`;
  expect(events).toEqual([{ message: "Started by 3 new corrections", data: { corrections: 3 } }]);
});

test("corrections that come while one runs start the next at its end, and are counted once", async () => {
  await annotate(3);
  for (let i = 0; i < 3; i++) await say();
  const [job] = await jobs();
  await sql`update fine_tunes set status = 'running', started_at = now() where id = ${job?.["id"]}`;
  for (let i = 0; i < 3; i++) await say();
  expect(await jobs()).toHaveLength(1);
  await sql`update fine_tunes set status = 'succeeded' where id = ${job?.["id"]}`;
  const [, second] = await jobs();
  expect(second).toMatchObject({ status: "queued", cause: "corrections" });
  await sql`update fine_tunes set status = 'running', started_at = now() where id = ${second?.["id"]}`;
  await sql`update fine_tunes set status = 'failed' where id = ${second?.["id"]}`;
  expect(await jobs()).toHaveLength(2);
});

test("corrections of the moment in which one begins count, as do those of a transaction from before it", async () => {
  await annotate(3);
  for (let i = 0; i < 3; i++) await say();
  const [job] = await jobs();
  const begun = Promise.withResolvers<void>();
  const early = sql.begin(async (tx) => {
    await tx`select now()`;
    await begun.promise;
    await say("correct", tx);
  });
  await sql.begin(async (tx) => {
    await tx`update fine_tunes set status = 'running', started_at = now() where id = ${job?.["id"]}`;
    for (let i = 0; i < 2; i++) await say("correct", tx);
  });
  begun.resolve();
  await early;
  await sql`update fine_tunes set status = 'succeeded' where id = ${job?.["id"]}`;
  expect(await jobs()).toHaveLength(2);
});

test("corrections that come while one waits are its own", async () => {
  await annotate(3);
  for (let i = 0; i < 6; i++) await say();
  const [job] = await jobs();
  await sql`update fine_tunes set status = 'running', started_at = now() where id = ${job?.["id"]}`;
  await sql`update fine_tunes set status = 'succeeded' where id = ${job?.["id"]}`;
  expect(await jobs()).toHaveLength(1);
  for (let i = 0; i < 3; i++) await say();
  expect(await jobs()).toHaveLength(2);
});

test("a cancel starts nothing by itself", async () => {
  await annotate(3);
  for (let i = 0; i < 3; i++) await say();
  await sql`update fine_tunes set status = 'running', started_at = now()`;
  for (let i = 0; i < 3; i++) await say();
  await sql`update fine_tunes set status = 'cancelled'`;
  expect(await jobs()).toHaveLength(1);
});

test("too few annotated images start nothing; with enough, the next correction does", async () => {
  await annotate(2);
  for (let i = 0; i < 3; i++) await say();
  expect(await jobs()).toEqual([]);
  await sql`delete from images`;
  await annotate(3);
  await say();
  expect(await jobs()).toHaveLength(1);
});

test("setting the number below what is there starts one at once; without a number nothing does", async () => {
  await annotate(3);
  await sql`update projects set fine_tune_after_corrections = null`;
  for (let i = 0; i < 4; i++) await say();
  expect(await jobs()).toEqual([]);
  await sql`update projects set fine_tune_after_corrections = 4`;
  expect(await jobs()).toHaveLength(1);
});

test("of two last corrections at the same time one starts the fine-tune", async () => {
  await annotate(3);
  await say();
  const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const one = sql.begin(async (tx) => {
    await say("correct", tx);
    first.resolve();
    await second.promise;
  });
  await first.promise;
  // Waits for the lock that the first holds until it commits.
  const other = sql.begin(async (tx) => say("correct", tx));
  while (
    (
      await sql`select 1 from pg_locks where locktype = 'advisory' and not granted and database =
        (select oid from pg_database where datname = current_database())`
    ).length === 0
  );
  second.resolve();
  await Promise.all([one, other]);
  expect(await jobs()).toHaveLength(1);
});
