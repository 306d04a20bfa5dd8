import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorOf, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedAnnotated } from "../helpers/seeds.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

const key = (value: string) => ({ "idempotency-key": value });
const rows = async () => (await app.traces())["projects"];

describe("Idempotency-Key", () => {
  it("gives the first answer again, and makes one thing", async () => {
    const first = await app.a.post("/v1/projects", { name: "once" }, key("k1"));
    const count = await rows();
    const again = await app.a.post("/v1/projects", { name: "once" }, key("k1"));
    expect(again.status).toBe(201);
    expect(again.body).toEqual(first.body);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(first.headers.get("idempotent-replayed")).toBeNull();
    expect(await rows()).toBe(count);
  });

  it("is for one request only", async () => {
    await app.a.post("/v1/projects", { name: "one" }, key("k2"));
    expect(errorOf(await app.a.post("/v1/projects", { name: "two" }, key("k2")))).toBe(
      "409 idempotency_key_reused",
    );
  });

  it("lets one of several at the same time through", async () => {
    const count = Number(await rows());
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => app.a.post("/v1/projects", { name: "race" }, key("k3"))),
    );
    expect(Number(await rows())).toBe(count + 1);
    for (const answer of answers) {
      expect(["201", "409 idempotency_key_in_use"]).toContain(errorOf(answer));
    }
  });

  it("is free again when its first holder died ten minutes ago, and not before", async () => {
    const open = (minutes: number) =>
      app.db.execute(sql`
      insert into idempotency_keys (workspace_id, key, request_hash, created_at)
      values (${app.a.workspaceId}, ${`dead ${minutes}`}, 'x', now() - make_interval(mins => ${minutes}))`);
    await open(11);
    await open(9);
    expect((await app.a.post("/v1/projects", { name: "x" }, key("dead 11"))).status).toBe(201);
    expect(errorOf(await app.a.post("/v1/projects", { name: "x" }, key("dead 9")))).toMatch(/^409 /);
  });

  it("keeps a refusal, too", async () => {
    const url = `/v1/projects/${await makeProject(app.a)}`;
    const first = await app.a.post(`${url}/fine-tunes`, {}, key("k4"));
    await seedAnnotated(app, url.slice("/v1/projects/".length), 3);
    const again = await app.a.post(`${url}/fine-tunes`, {}, key("k4"));
    expect([errorOf(first), errorOf(again)]).toEqual(Array(2).fill("422 not_enough_annotations"));
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect((await app.a.post(`${url}/fine-tunes`, {}, key("k5"))).status).toBe(202);
  });

  it("belongs to its workspace", async () => {
    const mine = await app.a.post("/v1/projects", { name: "same" }, key("k6"));
    const theirs = await app.b.post("/v1/projects", { name: "same" }, key("k6"));
    expect(theirs.status).toBe(201);
    expect(theirs.body["id"]).not.toBe(mine.body["id"]);
  });

  it.each(["", "x".repeat(256)])("is refused when it is no key: %j", async (value) => {
    const before = await rows();
    expect(errorOf(await app.a.post("/v1/projects", { name: "x" }, key(value)))).toBe(
      "400 idempotency_key_invalid idempotency-key",
    );
    expect(await rows()).toBe(before);
  });
});
