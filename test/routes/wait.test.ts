import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { channels } from "../../src/db/listen.ts";
import { type Answer, errorOf, idOf, read, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedAnnotated } from "../helpers/seeds.ts";

let app: TestApp;
let project: string;
beforeAll(async () => {
  app = await testApp();
  project = await makeProject(app.a);
  await seedAnnotated(app, project, 3);
});
afterAll(() => app?.close());

/** `id` resolves with the next row that is told of on the channel. */
async function nextOn(channel: typeof channels.fineTunes | typeof channels.imports) {
  const told = Promise.withResolvers<string>();
  await app.services.listener.watch(channel, (id) => {
    if (id !== null) told.resolve(id);
  });
  return { id: told.promise };
}
const fineTune = (prefer: string): Promise<Answer> =>
  app.a.post(`/v1/projects/${project}/fine-tunes`, {}, { prefer });

describe("Prefer: wait", () => {
  it("answers at the fine-tune's end, with the job as it ended", async () => {
    const queued = await nextOn(channels.fineTunes);
    const asked = fineTune("respond-async, wait=60");
    const id = await queued.id;
    await app.db.execute(
      sql`update fine_tunes set status = 'failed', error = '{"code": "c", "message": "m"}' where id = ${id}`,
    );
    const answer = await asked;
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ id, status: "failed", error: { code: "c" } });
    expect(answer.headers.get("preference-applied")).toBe("wait=60");
  });

  it("answers with the job as it is once the time is up, as it does without", async () => {
    const late = await fineTune("wait=1");
    expect(late).toMatchObject({ status: 202, body: { status: "queued" } });
    expect(late.headers.get("preference-applied")).toBe("wait=1");
    for (const prefer of ["wait=0", "wait=soon", "return=minimal"]) {
      const answer = await fineTune(prefer);
      expect(answer).toMatchObject({ status: 202, body: { status: "queued" } });
      expect(answer.headers.get("preference-applied")).toBeNull();
    }
  });

  it("answers at an import's end too", async () => {
    const queued = await nextOn(channels.imports);
    const asked = app.a.send("POST", `/v1/projects/${project}/imports`, {
      body: Buffer.from("PK\u0003\u0004 the rest is for the worker"),
      headers: { "content-type": "application/zip", prefer: "wait=60" },
    });
    const id = await queued.id;
    await app.db.execute(sql`update imports set status = 'succeeded', images_created = 2 where id = ${id}`);
    expect(await asked).toMatchObject({ status: 200, body: { id, status: "succeeded", images_created: 2 } });
  });

  it("waits for nothing where the request is refused", async () => {
    const empty = await makeProject(app.a, "empty");
    const answer = await app.a.post(`/v1/projects/${empty}/fine-tunes`, {}, { prefer: "wait=60" });
    expect(errorOf(answer)).toBe("422 not_enough_annotations");
  });

  it("lets go when the process closes", async () => {
    const closing = new AbortController();
    const ending = createApp({ ...app.services, closing: closing.signal });
    const queued = await nextOn(channels.fineTunes);
    const asked = ending.request(`/v1/projects/${project}/fine-tunes`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${app.a.key}`,
        "content-type": "application/json",
        prefer: "wait=60",
      },
      body: "{}",
    });
    const id = await queued.id;
    closing.abort();
    const answer = await read(await asked);
    expect([answer.status, idOf(answer)]).toEqual([202, id]);
  });
});
