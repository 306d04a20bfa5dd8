import { sql } from "../../../src/db/drizzle.ts";
import { afterAll, beforeAll, expect, it } from "vitest";
import { insertPrediction } from "../../../src/db/queries/predictions.ts";
import { sha256 } from "../../../src/lib/hash.ts";
import { newId } from "../../../src/lib/ids.ts";
import { keepHouse } from "../../../src/main/shared/housekeeping.ts";
import { type TestApp, testApp } from "../../helpers/app.ts";
import { keysBelow } from "../../helpers/objects.ts";
import { makeProject, seedEmbedding, seedImage } from "../../helpers/seeds.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

/** A logged prediction of so many days ago. */
async function logged(projectId: string, imageSha256: string, days: number): Promise<string> {
  const id = newId("pred");
  const { workspaceId } = app.a;
  await insertPrediction(app.db, {
    id,
    workspaceId,
    projectId,
    imageSha256,
    versions: [0],
    prompts: 1,
    timingMs: {},
  });
  await app.db.execute(
    sql`update predictions set created_at = now() - make_interval(days => ${days}) where id = ${id}`,
  );
  return id;
}
const left = async (): Promise<string[]> =>
  (await app.db.execute<{ id: string }>(sql`select id from predictions order by id`)).map(({ id }) => id);

it("predictions go when their project keeps them no longer, and embeddings that only they named", async () => {
  const [month, never] = [await makeProject(app.a, "month"), await makeProject(app.a, "never")];
  await app.a.send("PATCH", `/v1/projects/${month}`, { json: { prediction_retention_days: 30 } });
  await app.a.send("PATCH", `/v1/projects/${never}`, { json: { prediction_retention_days: 0 } });
  const stored = await seedImage(app, month);
  const storedHash = String((await app.a.get(`/v1/projects/${month}/images/${stored}`)).body["sha256"]);
  const [sent, again, other] = [sha256("sent"), sha256("sent twice"), sha256("other")];
  for (const hash of [storedHash, sent, again, other]) await seedEmbedding(app, hash);

  await logged(month, storedHash, 31);
  await logged(month, sent, 31);
  await logged(month, again, 31);
  const kept = [await logged(month, again, 29), await logged(month, other, 1)];
  // A day old, as the machine's clock may be set back by a little meanwhile.
  await logged(never, sha256("of no project that keeps"), 1);
  await keepHouse(app.services);

  expect(await left()).toEqual(kept.sort());
  const embeddings = (await keysBelow(app.store, `workspaces/${app.a.workspaceId}/`)).join();
  const there = [storedHash, sent, again, other].map((hash) => embeddings.includes(hash));
  expect(there).toEqual([true, false, true, true]);
});

it("messages to webhooks go after 30 days, those that still wait do not", async () => {
  const { body } = await app.a.post("/v1/webhooks", { url: "https://example.org/" });
  const message = (id: string, status: string, days: number) =>
    app.db
      .execute(sql`insert into webhook_deliveries (id, workspace_id, webhook_id, event, payload, status, created_at)
      values (${id}, ${app.a.workspaceId}, ${String(body["id"])}, 'webhook.test', '{}', ${status},
        now() - make_interval(days => ${days}))`);
  await message("msg_old", "delivered", 31);
  await message("msg_waits", "queued", 31);
  await message("msg_new", "failed", 29);
  await keepHouse(app.services);
  const rows = await app.db.execute<{ id: string }>(sql`select id from webhook_deliveries order by id`);
  expect(rows.map(({ id }) => id)).toEqual(["msg_new", "msg_waits"]);
});
