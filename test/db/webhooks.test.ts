import { afterAll, beforeEach, expect, test } from "vitest";
import { testDatabase } from "../helpers/database.ts";

const database = await testDatabase();
const { sql } = database;
afterAll(() => database.close());

beforeEach(async () => {
  await sql`delete from workspaces`;
  for (const [ws, prj] of [
    ["ws_1", "prj_1"],
    ["ws_1", "prj_2"],
    ["ws_2", "prj_3"],
  ] as const) {
    await sql`insert into workspaces (id, name) values (${ws}, 'w') on conflict do nothing`;
    await sql`insert into projects (id, workspace_id, name) values (${prj}, ${ws}, 'p')`;
  }
});

const hook = (id: string, options: { project?: string; events?: string[]; enabled?: boolean } = {}) =>
  sql`insert into webhooks (id, workspace_id, project_id, url, events, secret, enabled) values
    (${id}, 'ws_1', ${options.project ?? null}, 'https://example.org', ${JSON.stringify(options.events ?? [])}::jsonb,
     'whsec_', ${options.enabled ?? true})`;

const told = async (): Promise<string[]> =>
  (await sql`select webhook_id, event from webhook_deliveries order by created_at, event, webhook_id`).map(
    (row) => `${String(row["webhook_id"])} ${String(row["event"])}`,
  );

test("a fine-tune is told of from its start to its end, a second attempt is not", async () => {
  await hook("wh_1");
  await sql`insert into fine_tunes (id, project_id) values ('ft_1', 'prj_1')`;
  await sql`update fine_tunes set status = 'preparing', started_at = now()`;
  await sql`update fine_tunes set status = 'running'`;
  await sql`update fine_tunes set status = 'queued'`;
  await sql`update fine_tunes set status = 'preparing'`;
  await sql`update fine_tunes set status = 'failed', error = '{"code": "c", "message": "m"}'::jsonb`;
  await sql`update fine_tunes set status = 'failed'`;
  expect(await told()).toEqual(["wh_1 fine_tune.queued", "wh_1 fine_tune.started", "wh_1 fine_tune.failed"]);
  const [last] =
    await sql`select id, workspace_id, payload from webhook_deliveries where event = 'fine_tune.failed'`;
  expect(last).toMatchObject({
    id: expect.stringMatching(/^msg_[0-9a-f]{32}$/),
    workspace_id: "ws_1",
    payload: {
      type: "fine_tune.failed",
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      data: {
        id: "ft_1",
        object: "fine_tune",
        project_id: "prj_1",
        status: "failed",
        cause: "request",
        version: null,
        error: { code: "c", message: "m" },
      },
    },
  });
});

test("a webhook hears of its workspace, its project and its events only", async () => {
  await hook("wh_all");
  await hook("wh_project", { project: "prj_2" });
  await hook("wh_events", { events: ["import.failed", "fine_tune.cancelled"] });
  await hook("wh_off", { enabled: false });
  await sql`insert into fine_tunes (id, project_id) values ('ft_1', 'prj_1'), ('ft_3', 'prj_3')`;
  expect(await told()).toEqual(["wh_all fine_tune.queued"]);
  await sql`insert into fine_tunes (id, project_id) values ('ft_2', 'prj_2')`;
  await sql`update fine_tunes set status = 'cancelled' where id = 'ft_1'`;
  expect((await told()).slice(1).sort()).toEqual([
    "wh_all fine_tune.cancelled",
    "wh_all fine_tune.queued",
    "wh_events fine_tune.cancelled",
    "wh_project fine_tune.queued",
  ]);
});

test("ends of imports and promotions are told, and nothing of what is rolled back", async () => {
  await hook("wh_1");
  await sql`insert into imports (id, project_id, object_key, bytes) values ('imp_1', 'prj_1', 'k', 1)`;
  await sql`update imports set status = 'running'`;
  await sql`update imports set status = 'succeeded', images_created = 3`;
  await sql
    .begin(async (tx) => {
      await tx`insert into fine_tunes (project_id) values ('prj_1')`;
      throw new Error("roll back");
    })
    .catch(() => {});
  await sql`insert into promotions (workspace_id, project_id, kind, to_version, actor, reason)
    values ('ws_1', 'prj_1', 'rollback', null, 'key_1', 'worse')`;
  expect(await told()).toEqual(["wh_1 import.succeeded", "wh_1 version.promoted"]);
});
