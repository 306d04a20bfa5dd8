import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { openDatabase } from "../../src/db/client.ts";
import { admitKey } from "../../src/db/queries/api-keys.ts";
import { type Taken, takeFromBucket } from "../../src/db/queries/rate-buckets.ts";
import { type Client, errorOf, idOf, read, type TestApp, testApp } from "../helpers/app.ts";
import { newId } from "../../src/lib/ids.ts";
import { asPng, noiseImage } from "../worlds/images.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp({ RATE_LIMIT_PER_SECOND: 1000 });
});
afterAll(() => app?.close());

describe("a token bucket", () => {
  /** As if so many seconds had gone by. */
  const wait = (keyId: string, seconds: number) =>
    app.db.execute(
      sql`update rate_buckets set full_at = full_at - ${seconds} * interval '1 second' where key_id = ${keyId}`,
    );

  it("gives what it holds, then what flows in, and never more than it holds", async () => {
    const { keyId } = await app.clientOf(app.a.workspaceId, ["read"]);
    // So slow that the test's own time adds nothing.
    const limit = { perSecond: 0.001, burstSeconds: 3000 };
    const take = async () => (await takeFromBucket(app.db, keyId, limit)) as Taken;
    expect([await take(), await take(), await take(), await take()].map((one) => one.allowed)).toEqual([
      true,
      true,
      true,
      false,
    ]);
    const refused = await take();
    expect(refused).toMatchObject({ allowed: false, remaining: 0 });
    expect(refused.retryIn).toBeGreaterThan(990);
    expect(refused.retryIn).toBeLessThanOrEqual(1000);
    await wait(keyId, 1000);
    expect((await take()).allowed).toBe(true);
    expect((await take()).allowed).toBe(false);
    await wait(keyId, 1_000_000);
    const again = [await take(), await take(), await take(), await take()];
    expect(again.map((one) => one.remaining)).toEqual([2, 1, 0, 0]);
    expect(again.map((one) => one.allowed)).toEqual([true, true, true, false]);
  });

  it("is one for all instances: of 60 requests at once over three pools just 20 get through", async () => {
    const { keyId, key } = await app.clientOf(app.a.workspaceId, ["read"]);
    const pools = [1, 2, 3].map(() => openDatabase(app.databaseUrl, { max: 5 }));
    try {
      const limit = { perSecond: 0.001, burstSeconds: 20_000 };
      const takes = Array.from({ length: 60 }, async (_, i) => {
        const { db } = pools[i % 3] as (typeof pools)[number];
        // As a session takes them, and as a key does.
        if (i % 2 === 0) return takeFromBucket(db, keyId, limit);
        return (await admitKey(db, key, { projectId: null, limit }))?.taken;
      });
      const allowed = (await Promise.all(takes)).filter((one) => one?.allowed);
      expect(allowed).toHaveLength(20);
    } finally {
      for (const pool of pools) await pool.close();
    }
  });
});

describe("a key's rate", () => {
  it("is told in every answer, and its end with the time to wait", async () => {
    const client = await app.clientOf(app.a.workspaceId, ["read"]);
    const first = await client.get("/v1/projects");
    expect(first.status).toBe(200);
    expect(first.headers.get("ratelimit-policy")).toBe('"requests";q=2000;w=2');
    expect(first.headers.get("ratelimit")).toBe('"requests";r=1999;t=1');
    await app.db.execute(
      sql`update rate_buckets set full_at = now() + interval '1 hour' where key_id = ${client.keyId}`,
    );
    const refused = await client.get("/v1/projects");
    expect(errorOf(refused)).toBe("429 rate_limited");
    expect(refused.headers.get("retry-after")).toMatch(/^359\d$/);
    expect(refused.headers.get("ratelimit")).toMatch(/^"requests";r=0;t=3600$/);
    expect((await app.a.get("/v1/projects")).status).toBe(200);
  });

  it("may be lower than everybody's, not higher", async () => {
    const set = (client: Client, perSecond: number) =>
      app.db.execute(sql`update api_keys set requests_per_second = ${perSecond} where id = ${client.keyId}`);
    const client = await app.clientOf(app.a.workspaceId, ["read"]);
    await set(client, 3);
    expect((await client.get("/v1/projects")).headers.get("ratelimit-policy")).toBe('"requests";q=6;w=2');
    await set(client, 9999);
    expect((await client.get("/v1/projects")).headers.get("ratelimit-policy")).toBe('"requests";q=2000;w=2');
  });

  it("counts what is refused for its scope, and a session with its key", async () => {
    const client = await app.clientOf(app.a.workspaceId, ["predict"]);
    const before = await client.get("/v1/projects");
    expect(errorOf(before)).toBe("403 scope_missing");
    expect(before.headers.get("ratelimit")).toContain("r=1999");
    const signed = await app.app.request("/v1/session", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ key: client.key }),
    });
    const cookie = (signed.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
    await app.db.execute(
      sql`update rate_buckets set full_at = now() + interval '1 hour' where key_id = ${client.keyId}`,
    );
    const answer = await read(await app.app.request("/v1/session", { headers: { cookie } }));
    expect(errorOf(answer)).toBe("429 rate_limited");
  });

  it("is no one's where it is switched off", async () => {
    const config = { ...app.services.config, RATE_LIMIT_PER_SECOND: 0 };
    const free = createApp({ ...app.services, config });
    const headers = { authorization: `Bearer ${app.a.key}` };
    const response = await free.request("/v1/projects", { headers });
    expect(response.status).toBe(200);
    expect(response.headers.has("ratelimit")).toBe(false);
  });
});

describe("quotas", () => {
  const set = (client: Client, quota: string) =>
    app.db.execute(sql.raw(`update workspaces set ${quota} where id = '${client.workspaceId}'`));
  const project = async (client: Client) => idOf(await client.post("/v1/projects", { name: "x" }));
  const upload = async (client: Client, id: string, seed: number) =>
    client.send("POST", `/v1/projects/${id}/images`, {
      body: Uint8Array.from(await asPng(noiseImage(64, 48, seed))),
      headers: { "content-type": "image/png" },
    });

  it("bound the images of all projects together, also when many come at once", async () => {
    const [one, two] = [await project(app.a), await project(app.a)];
    await set(app.a, "quota_images = 2");
    const answers = await Promise.all(
      [1, 2, 3, 4, 5].map(async (seed) => upload(app.a, seed % 2 ? one : two, seed)),
    );
    expect(answers.map(errorOf).sort()).toEqual([
      "201",
      "201",
      ...Array.from({ length: 3 }, () => "403 quota_exceeded images"),
    ]);
    const usage = await app.a.get("/v1/usage");
    expect(usage.body["images"]).toEqual({ used: 2, limit: 2 });
    const { objects } = await app.traces();
    expect(objects).toHaveLength(2);
    await set(app.a, "quota_images = null");
  });

  it("bound their bytes", async () => {
    const id = await project(app.b);
    const first = await upload(app.b, id, 7);
    const bytes = Number(first.body["bytes"]);
    await set(app.b, `quota_bytes = ${bytes}`);
    expect(errorOf(await upload(app.b, id, 8))).toBe("403 quota_exceeded bytes");
    expect((await upload(app.b, id, 7)).status).toBe(200);
    expect((await app.b.get("/v1/usage")).body).toMatchObject({
      images: { used: 1, limit: null },
      bytes: { used: bytes, limit: bytes },
    });
    await set(app.b, "quota_bytes = null");
  });

  it("bound a month's training, not the fine-tune that runs", async () => {
    const projectId = await project(app.b);
    const add = (started: string, finished: string) =>
      app.db.execute(
        sql.raw(
          `insert into fine_tunes (id, project_id, status, started_at, finished_at) values
            ('${newId("ft")}', '${projectId}', 'cancelled', ${started}, ${finished})`,
        ),
      );
    const monthStart = "date_trunc('month', now() at time zone 'utc') at time zone 'utc'";
    await add(`${monthStart} - interval '2 hours'`, `${monthStart} - interval '1 hour'`);
    const used = async () => (await app.b.get("/v1/usage")).body["training_minutes"] as { used: number };
    expect((await used()).used).toBe(0);
    // Only what lies in this month of a fine-tune across its turn; now() may be minutes into it.
    await add(`${monthStart} - interval '1 hour'`, `${monthStart} + interval '90 seconds'`);
    expect((await used()).used).toBe(1.5);
    await set(app.b, "quota_training_minutes = 1");
    const fineTune = () => app.b.post(`/v1/projects/${projectId}/fine-tunes`, {});
    // Three annotated images are asked for before.
    for (let i = 1; i <= 3; i++) {
      const image = await upload(app.b, projectId, i);
      await app.db.execute(
        sql.raw(
          `insert into annotations (id, workspace_id, project_id, image_id, counts, area, box, source) values
            ('${newId("ann")}', '${app.b.workspaceId}', '${projectId}', '${idOf(image)}', 'x', 1, '[0,0,1,1]', 'api')`,
        ),
      );
    }
    expect(errorOf(await fineTune())).toBe("403 quota_exceeded training_minutes");
    await set(app.b, "quota_training_minutes = 2");
    expect((await fineTune()).status).toBe(202);
    await set(app.b, "quota_training_minutes = null");
  });

  it("are by default what the server is told", async () => {
    const config = { ...app.services.config, QUOTA_IMAGES: 5, QUOTA_TRAINING_MINUTES: 9 };
    const other = createApp({ ...app.services, config });
    const headers = { authorization: `Bearer ${app.a.key}` };
    const { body } = await read(await other.request("/v1/usage", { headers }));
    expect(body).toMatchObject({
      object: "usage",
      workspace_id: app.a.workspaceId,
      images: { limit: 5 },
      bytes: { limit: null },
      training_minutes: { limit: 9 },
      predictions: { used: 0, limit: null },
    });
    const { start, end } = body["period"] as { start: string; end: string };
    expect(start).toMatch(/^\d{4}-\d\d-01T00:00:00\.000Z$/);
    expect(Date.parse(end) - Date.parse(start)).toBeGreaterThan(27 * 24 * 3600 * 1000);
  });
});
