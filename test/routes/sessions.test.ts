import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mostSessions } from "../../src/db/queries/sessions.ts";
import { errorOf, read, type TestApp, testApp } from "../helpers/app.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

/** A browser: it sends its cookie, and says whose page asks. */
async function signIn(key: string, headers: Record<string, string> = {}) {
  const response = await app.app.request("/v1/session", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ key }),
  });
  const set = response.headers.get("set-cookie") ?? "";
  const cookie = set.split(";")[0] ?? "";
  const send = async (method: string, path: string, more: Record<string, string> = {}, json?: unknown) =>
    read(
      await app.app.request(path, {
        method,
        headers: { cookie, "content-type": "application/json", ...more },
        ...(json !== undefined && { body: JSON.stringify(json) }),
      }),
    );
  return { answer: await read(response), set, cookie, send };
}

const ours = { "x-maskwright-csrf": "1" };

describe("signing in", () => {
  it("turns a key into a cookie that no script and no other site can use", async () => {
    const { answer, set, cookie, send } = await signIn(app.a.key);
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      object: "session",
      workspace_id: app.a.workspaceId,
      key: { id: app.a.keyId, name: "a", scopes: ["admin"] },
      expires_at: expect.any(String),
    });
    expect(set).toMatch(/^maskwright_session=[\w-]{43}; Max-Age=604800; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(set).not.toContain(app.a.key);
    expect((await send("GET", "/v1/projects")).status).toBe(200);
    expect((await send("GET", "/v1/session")).body).toEqual(answer.body);
    const kept = JSON.stringify(await app.db.execute(sql`select * from sessions`));
    expect(kept).not.toContain(cookie.split("=")[1]);
  });

  it("counts as a request of the key", async () => {
    const slow = await app.clientOf(app.a.workspaceId, ["read"]);
    await app.db.execute(
      sql`insert into rate_buckets (key_id, full_at) values (${slow.keyId}, now() + interval '1 hour')`,
    );
    const { answer, set } = await signIn(slow.key);
    expect(errorOf(answer)).toBe("429 rate_limited");
    expect(set).toBe("");
  });

  it("ends the oldest session of a key that has many", async () => {
    const many = await app.clientOf(app.a.workspaceId, ["read"]);
    const { keyId } = many;
    const first = await signIn(many.key);
    const other = await signIn(app.a.key);
    const second = await signIn(many.key);
    expect((await first.send("GET", "/v1/session")).status).toBe(200);
    await app.db.execute(sql`
      insert into sessions (hash, key_id, key_hash, expires_at)
      select 'filled ' || n, ${keyId}, 'none', now() + interval '1 day' from generate_series(3, ${mostSessions}) n`);
    await signIn(many.key);
    expect(errorOf(await first.send("GET", "/v1/session"))).toBe("401 invalid_api_key");
    expect((await second.send("GET", "/v1/session")).status).toBe(200);
    expect((await other.send("GET", "/v1/session")).status).toBe(200);
    const [row] = await app.sql`select count(*)::int as n from sessions where key_id = ${keyId}`;
    expect(row?.["n"]).toBe(mostSessions);
  });

  it("asks for TLS where the visitor came over TLS", async () => {
    expect((await signIn(app.a.key, { "x-forwarded-proto": "https" })).set).toContain("; Secure");
  });

  it("refuses keys that are none, and sets nothing", async () => {
    for (const key of ["mw_wrong", "", " "]) {
      const { answer, set } = await signIn(key);
      expect(errorOf(answer)).toBe("401 invalid_api_key key");
      expect(set).toBe("");
    }
  });

  it("is told without a cookie who asks", async () => {
    const { body } = await app.b.get("/v1/session");
    expect(body).toMatchObject({ key: { id: app.b.keyId }, expires_at: null });
  });
});

describe("with a session's cookie, what changes something", () => {
  it("must come from a page of ours", async () => {
    const { send } = await signIn(app.a.key);
    const create = (headers: Record<string, string>) => send("POST", "/v1/projects", headers, { name: "x" });
    for (const headers of [{}, { "sec-fetch-site": "cross-site" }, { "sec-fetch-site": "same-site" }]) {
      expect(errorOf(await create(headers as Record<string, string>))).toBe("403 csrf_rejected");
    }
    expect((await create(ours)).status).toBe(201);
    expect((await create({ "sec-fetch-site": "same-origin" })).status).toBe(201);
  });

  it("needs no such thing where a key is shown too", async () => {
    const { cookie } = await signIn(app.a.key);
    const json = { name: "y" };
    expect((await app.b.send("POST", "/v1/projects", { json, headers: { cookie } })).status).toBe(201);
  });
});

describe("a session ends", () => {
  const stillOpen = async (send: Awaited<ReturnType<typeof signIn>>["send"]) =>
    errorOf(await send("GET", "/v1/projects"));

  it("when the browser signs out, which can be done again", async () => {
    const { send } = await signIn(app.a.key);
    expect(errorOf(await send("DELETE", "/v1/session"))).toBe("403 csrf_rejected");
    const out = await send("DELETE", "/v1/session", ours);
    expect(out.body).toEqual({ object: "session", deleted: true });
    expect(out.headers.get("set-cookie")).toContain("Max-Age=0");
    expect(await stillOpen(send)).toBe("401 invalid_api_key");
    expect((await send("DELETE", "/v1/session", ours)).status).toBe(200);
  });

  it("when its time is over", async () => {
    const { send } = await signIn(app.a.key);
    await app.db.execute(sql`update sessions set expires_at = now() - interval '1 second'`);
    expect(await stillOpen(send)).toBe("401 invalid_api_key");
    await signIn(app.a.key);
    const [row] = await app.db.execute(sql`select count(*)::int as n from sessions`);
    expect(row?.["n"]).toBe(1);
  });

  it("when its key is revoked", async () => {
    const { send } = await signIn(app.b.key);
    const set = (value: string) =>
      app.db.execute(sql.raw(`update api_keys set revoked_at = ${value} where id = '${app.b.keyId}'`));
    await set("now()");
    expect(await stillOpen(send)).toBe("401 invalid_api_key");
    await set("null");
  });

  it("when another secret is all that its key still has", async () => {
    const { send } = await signIn(app.b.key);
    const set = (change: string) =>
      app.db.execute(sql.raw(`update api_keys set ${change} where id = '${app.b.keyId}'`));
    await set("previous_hash = hash, hash = 'other', previous_expires_at = now() + interval '1 hour'");
    expect(await stillOpen(send)).toBe("200");
    await set("previous_expires_at = now()");
    expect(await stillOpen(send)).toBe("401 invalid_api_key");
    await set("hash = previous_hash, previous_hash = null, previous_expires_at = null");
  });
});
