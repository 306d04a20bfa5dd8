import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Client, errorOf, idOf, read, type TestApp, testApp } from "../helpers/app.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app?.close());

/** What a key is told at the door. */
const opens = async (key: unknown): Promise<string> => {
  const headers = { authorization: `Bearer ${String(key)}` };
  return errorOf(await read(await app.app.request("/v1/session", { headers })));
};

const make = (client: Client, json: object = {}, headers: Record<string, string> = {}) =>
  client.post("/v1/keys", { name: "robot", scopes: ["read"], ...json }, headers);

describe("a key", () => {
  it("is made by an admin, shown once and kept as a hash", async () => {
    const made = await make(app.a, { scopes: ["train", "read", "read"], requests_per_second: 7 });
    expect(made.status).toBe(201);
    const { key, ...facts } = made.body;
    expect(key).toMatch(/^mw_[\w-]{43}$/);
    expect(facts).toEqual({
      id: expect.stringMatching(/^key_/),
      object: "key",
      name: "robot",
      hint: String(key).slice(0, 7),
      scopes: ["read", "train"],
      requests_per_second: 7,
      created_at: expect.any(String),
      expires_at: null,
      rotated_at: null,
      previous_expires_at: null,
      last_used_at: null,
    });
    expect((await app.a.get(`/v1/keys/${idOf(made)}`)).body).toEqual(facts);
    expect(await opens(key)).toBe("200");
    const rows = JSON.stringify(await app.db.execute(sql`select * from api_keys`));
    expect(rows).not.toContain(String(key).slice(7));
  });

  it("tells when it was last used", async () => {
    const made = await make(app.a);
    await opens(made.body["key"]);
    const { body } = await app.a.get(`/v1/keys/${idOf(made)}`);
    expect(body["last_used_at"]).toEqual(expect.any(String));
  });

  it("is not kept for a replay", async () => {
    const headers = { "idempotency-key": "key-1" };
    const first = await make(app.a, {}, headers);
    const again = await make(app.a, {}, headers);
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(again.body).toEqual({ ...first.body, key: null });
    const kept = JSON.stringify(await app.db.execute(sql`select body from idempotency_keys`));
    expect(kept).not.toContain(String(first.body["key"]).slice(7));
  });

  it("is made by one request with an Idempotency-Key, not by another with the same", async () => {
    const headers = { "idempotency-key": "key-2" };
    const made = await make(app.a, {}, headers);
    expect(errorOf(await make(app.a, { name: "other" }, headers))).toBe("409 idempotency_key_reused");
    const path = `/v1/keys/${idOf(made)}/rotate`;
    expect(errorOf(await app.a.post(path, {}, headers))).toBe("409 idempotency_key_reused");
  });

  it.each([
    [{ scopes: [] }, "400 invalid_request scopes"],
    [{ scopes: ["root"] }, "400 invalid_request scopes[0]"],
    [{ name: " " }, "400 invalid_request name"],
    [{ expires_at: "2001-01-01T00:00:00Z" }, "400 invalid_request expires_at"],
    [{ expires_at: "tomorrow" }, "400 invalid_request expires_at"],
    [{ requests_per_second: 0 }, "400 invalid_request requests_per_second"],
    [{ workspace_id: "ws_1" }, "400 invalid_request workspace_id"],
  ])("can't be %j", async (json, error) => {
    expect(errorOf(await make(app.a, json))).toBe(error);
  });

  it("ends at its time", async () => {
    const made = await make(app.a, { expires_at: "2999-01-01T00:00:00.000Z" });
    expect(made.body["expires_at"]).toBe("2999-01-01T00:00:00.000Z");
    expect(await opens(made.body["key"])).toBe("200");
    await app.db.execute(sql`update api_keys set expires_at = now() where id = ${idOf(made)}`);
    expect(await opens(made.body["key"])).toBe("401 invalid_api_key");
  });
});

describe("the list of keys", () => {
  it("refuses a cursor that is none", async () => {
    expect(errorOf(await app.a.get("/v1/keys?cursor=x"))).toBe("400 invalid_request cursor");
  });

  it("has one's own workspace's, newest first, in pages", async () => {
    const client = await app.clientOf(app.b.workspaceId, ["admin"], "third");
    const first = await client.get("/v1/keys?limit=1");
    expect(first.body).toMatchObject({ data: [{ id: client.keyId, name: "third" }], has_more: true });
    const next = await client.get(`/v1/keys?limit=5&cursor=${String(first.body["next_cursor"])}`);
    expect(next.body).toMatchObject({ data: [{ id: app.b.keyId }], has_more: false });
    expect(JSON.stringify(next.body)).not.toContain("mw_".concat(app.b.key.slice(7)));
  });
});

describe("rotation", () => {
  const rotate = (id: string, json: object, headers: Record<string, string> = {}) =>
    app.a.post(`/v1/keys/${id}/rotate`, json, headers);

  it("gives another secret, and lets the old one in for the grace time", async () => {
    const made = await make(app.a);
    const rotated = await rotate(idOf(made), {});
    expect(rotated.status).toBe(200);
    expect(idOf(rotated)).toBe(idOf(made));
    const [old, fresh] = [made.body["key"], rotated.body["key"]];
    expect(fresh).not.toBe(old);
    const grace =
      Date.parse(String(rotated.body["previous_expires_at"])) -
      Date.parse(String(rotated.body["rotated_at"]));
    expect(grace).toBe(24 * 3600 * 1000);
    expect([await opens(old), await opens(fresh)]).toEqual(["200", "200"]);
    await app.db.execute(sql`update api_keys set previous_expires_at = now() where id = ${idOf(made)}`);
    expect([await opens(old), await opens(fresh)]).toEqual(["401 invalid_api_key", "200"]);
  });

  it("again ends the first grace time; with none, the key of now at once", async () => {
    const made = await make(app.a);
    const second = await rotate(idOf(made), {});
    const third = await rotate(idOf(made), { grace_seconds: 0 });
    expect(await Promise.all([made, second, third].map((one) => opens(one.body["key"])))).toEqual([
      "401 invalid_api_key",
      "401 invalid_api_key",
      "200",
    ]);
  });

  it("sent again with its Idempotency-Key rotates once", async () => {
    const made = await make(app.a);
    const headers = { "idempotency-key": "rotate-1" };
    const first = await rotate(idOf(made), { grace_seconds: 60 }, headers);
    const again = await rotate(idOf(made), { grace_seconds: 60 }, headers);
    expect(again.body).toEqual({ ...first.body, key: null });
    expect(await opens(first.body["key"])).toBe("200");
    expect(await opens(made.body["key"])).toBe("200");
  });

  it("refuses a grace time that is none", async () => {
    const made = await make(app.a);
    for (const grace_seconds of [-1, 1.5, 31 * 24 * 3600]) {
      expect(errorOf(await rotate(idOf(made), { grace_seconds }))).toBe("400 invalid_request grace_seconds");
    }
  });
});

describe("revoking", () => {
  it("ends a key at once, with the one of before its rotation", async () => {
    const made = await make(app.a);
    const rotated = await app.a.post(`/v1/keys/${idOf(made)}/rotate`, {});
    const path = `/v1/keys/${idOf(made)}`;
    expect((await app.a.send("DELETE", path)).body).toEqual({ id: idOf(made), object: "key", deleted: true });
    expect(await opens(made.body["key"])).toBe("401 invalid_api_key");
    expect(await opens(rotated.body["key"])).toBe("401 invalid_api_key");
    for (const method of ["GET", "DELETE"]) {
      expect(errorOf(await app.a.send(method, path))).toBe("404 key_not_found key_id");
    }
    expect(errorOf(await app.a.post(`${path}/rotate`, {}))).toBe("404 key_not_found key_id");
  });

  it("leaves one admin key that lasts", async () => {
    const fresh = await testApp();
    try {
      const { a } = fresh;
      const remove = (id: string) => a.send("DELETE", `/v1/keys/${id}`);
      expect(errorOf(await remove(a.keyId))).toBe("409 last_admin_key");
      const passing = await make(a, { scopes: ["admin"], expires_at: "2999-01-01T00:00:00Z" });
      expect(errorOf(await remove(a.keyId))).toBe("409 last_admin_key");
      expect((await remove(idOf(passing))).status).toBe(200);
      const others = await Promise.all([1, 2].map(() => fresh.clientOf(a.workspaceId, ["admin"])));
      const ids = [a.keyId, ...others.map(({ keyId }) => keyId)];
      // Each revokes the next at the same time: never all.
      const all = [a, ...others];
      const answers = await Promise.all(
        all.map((one, i) => one.send("DELETE", `/v1/keys/${ids[(i + 1) % 3]}`)),
      );
      expect(answers.filter(({ status }) => status === 200).length).toBeLessThan(3);
    } finally {
      await fresh.close();
    }
  });
});

describe("another workspace's key", () => {
  it("is as if it were not there", async () => {
    const path = `/v1/keys/${app.b.keyId}`;
    expect(errorOf(await app.a.get(path))).toBe("404 key_not_found key_id");
    expect(errorOf(await app.a.send("DELETE", path))).toBe("404 key_not_found key_id");
    expect(errorOf(await app.a.post(`${path}/rotate`, {}))).toBe("404 key_not_found key_id");
    expect(await opens(app.b.key)).toBe("200");
  });
});
