import { sql } from "../../src/db/drizzle.ts";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { createFirstKey } from "../../src/db/queries/api-keys.ts";
import { errorOf, read, type TestApp, testApp } from "../helpers/app.ts";
import { wrapStore } from "../helpers/objects.ts";

let app: TestApp;
beforeAll(async () => {
  app = await testApp({ MAX_BODY_BYTES: 4096 });
});
afterAll(() => app?.close());

describe("the key", () => {
  it("is asked for on every /v1 route", async () => {
    const answer = await read(await app.app.request("/v1/projects"));
    expect(errorOf(answer)).toBe("401 missing_api_key");
    expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    expect(answer.body).toEqual({
      error: {
        code: "missing_api_key",
        message: expect.any(String),
        request_id: answer.headers.get("x-request-id"),
      },
    });
  });

  it.each(["Bearer mw_wrong", "Bearer", "Basic bXc6", "mw_x", `Bearer ${"m".repeat(5000)}`])(
    "is not %j",
    async (authorization) => {
      const answer = await read(await app.app.request("/v1/projects", { headers: { authorization } }));
      expect(errorOf(answer)).toBe("401 invalid_api_key");
    },
  );

  it("notes its last use, but not on every request", async () => {
    const lastUse = async () => {
      const [row] = await app.db.execute(sql`select last_used_at from api_keys where id = ${app.a.keyId}`);
      return row?.["last_used_at"];
    };
    await app.a.get("/v1/projects");
    const first = await lastUse();
    expect(first).not.toBeNull();
    await app.a.get("/v1/projects");
    expect(await lastUse()).toEqual(first);
    await app.db.execute(
      sql`update api_keys set last_used_at = now() - interval '61 seconds' where id = ${app.a.keyId}`,
    );
    await app.a.get("/v1/projects");
    expect(new Date(String(await lastUse())).getTime()).toBeGreaterThanOrEqual(
      new Date(String(first)).getTime(),
    );
  });

  it("ends with its revocation", async () => {
    const update = (value: string) =>
      app.db.execute(sql.raw(`update api_keys set revoked_at = ${value} where id = '${app.b.keyId}'`));
    expect((await app.b.get("/v1/projects")).status).toBe(200);
    await update("now()");
    expect(errorOf(await app.b.get("/v1/projects"))).toBe("401 invalid_api_key");
    await update("null");
  });
});

describe("requests that fit no route", () => {
  it("are told so", async () => {
    expect(errorOf(await app.a.get("/v1/nothing"))).toBe("404 route_not_found");
    expect(errorOf(await app.a.get("/nothing"))).toBe("404 route_not_found");
  });

  it("are told which methods there are", async () => {
    const answer = await app.a.send("PUT", "/v1/projects/prj_1");
    expect(errorOf(answer)).toBe("405 method_not_allowed");
    expect(answer.headers.get("allow")).toContain("PATCH");
  });
});

describe("text that the database can't hold", () => {
  it("is refused where it stands, wherever it comes in", async () => {
    const project = "/v1/projects/prj_1";
    expect(errorOf(await app.a.get("/v1/projects/%00"))).toBe("400 invalid_request project_id");
    expect(errorOf(await app.a.get(`${project}/images/x%00`))).toBe("400 invalid_request image_id");
    expect(errorOf(await app.a.send("POST", `${project}/images?group=%00`, { body: "x" }))).toBe(
      "400 invalid_request group",
    );
    const json = { image: { id: "\0" }, prompts: [] };
    expect(errorOf(await app.a.post(`${project}/predict`, json))).toMatch(/^400 invalid_request image/);
  });
});

describe("bodies", () => {
  const post = (body: string, type = "application/json") =>
    app.a.send("POST", "/v1/projects", { body, headers: { "content-type": type } });

  it.each(["{", "", '{"name": NaN}', "[1, 2", "{'name': 1}"])(
    "that are no JSON are refused: %s",
    async (body) => {
      expect(errorOf(await post(body))).toBe("400 invalid_json");
    },
  );

  it("of another type are refused", async () => {
    expect(errorOf(await post("name=x", "application/x-www-form-urlencoded"))).toBe(
      "415 unsupported_media_type",
    );
  });

  it.each([
    ["of a told length", { "content-length": "70000" }, "x"],
    ["of no told length", {}, JSON.stringify({ name: "x".repeat(70_000) })],
  ])("that are too long are refused: %s", async (_what, headers, body) => {
    const answer = await app.a.send("POST", "/v1/projects", {
      body,
      headers: { "content-type": "application/json", ...headers },
    });
    expect(errorOf(answer)).toBe("413 body_too_large");
  });
});

describe("a failure on our side", () => {
  it("is logged with its request id, and its message is not sent", async () => {
    const check = () => Promise.reject(new Error("secret endpoint"));
    const store = wrapStore(app.store, { check });
    const broken = createApp({ ...app.services, store });
    broken.get("/boom", () => {
      throw new Error("the password is hunter2");
    });
    const answer = await read(await broken.request("/boom"));
    expect(errorOf(answer)).toBe("500 internal_error");
    expect(JSON.stringify(answer.body)).not.toContain("hunter2");
    const ready = await read(await broken.request("/readyz"));
    expect(errorOf(ready)).toBe("503 unavailable object_store");
    expect(JSON.stringify(ready.body)).not.toContain("secret");
  });
});

describe("the log", () => {
  it("has one line for a request, without its key, query or body", async () => {
    const lines: string[] = [];
    const log = pino({ level: "info" }, { write: (line: string) => lines.push(line) });
    const logging = createApp({ ...app.services, log });
    const response = await logging.request("/v1/projects?limit=2&cursor=secretcursor", {
      headers: { authorization: `Bearer ${app.a.key}` },
    });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      msg: "request",
      method: "GET",
      path: "/v1/projects",
      status: 400,
      request_id: response.headers.get("x-request-id"),
      workspace: app.a.workspaceId,
    });
    expect(lines.join()).not.toContain(app.a.key.slice(3));
    expect(lines.join()).not.toContain("secretcursor");
  });
});

describe("the first key", () => {
  it("is made once, by whichever process comes first, and opens the API", async () => {
    const fresh = await testApp();
    try {
      await fresh.db.execute(sql`delete from workspaces`);
      const made = await Promise.all([1, 2, 3].map(() => createFirstKey(fresh.db)));
      const keys = made.filter((one) => one !== null);
      expect(keys).toHaveLength(1);
      const headers = { authorization: `Bearer ${keys[0]?.key}` };
      expect((await fresh.app.request("/v1/projects", { headers })).status).toBe(200);
    } finally {
      await fresh.close();
    }
  });
});

describe("without a key", () => {
  it("health is told", async () => {
    expect((await read(await app.app.request("/healthz"))).body).toEqual({ status: "ok" });
    expect((await read(await app.app.request("/readyz"))).body).toEqual({ status: "ready" });
  });

  it("metrics count requests by pattern, never by id", async () => {
    await app.a.get("/v1/projects/prj_secret");
    const response = await app.app.request("/metrics");
    const text = await response.text();
    expect(response.headers.get("content-type")).toContain("text/plain");
    expect(text).toContain(
      'maskwright_http_requests_total{method="GET",route="/v1/projects/:project_id",status="404"} 1',
    );
    expect(text).not.toContain("prj_secret");
  });

  it("the description covers every route with its errors", async () => {
    const { body } = await read(await app.app.request("/openapi.json"));
    expect(body["openapi"]).toBe("3.1.0");
    const paths = body["paths"] as Record<string, Record<string, { responses: Record<string, unknown> }>>;
    const described = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ":$1")}`),
    );
    // Pages for people, and the description itself.
    const pages = new Set([
      "/openapi.json",
      "/docs",
      "/",
      "/favicon.svg",
      "/console/*",
      "/docs/guide",
      "/docs/guide/*",
    ]);
    const served = app.app.routes
      .filter(({ method, path }) => method !== "ALL" && !pages.has(path))
      .map(({ method, path }) => `${method} ${path}`);
    expect(new Set(described)).toEqual(new Set(served));
    expect(Object.keys(paths["/v1/projects"]?.["post"]?.responses ?? {})).toEqual(
      expect.arrayContaining(["201", "400", "401", "409", "413", "422", "500"]),
    );
  });

  it("the page of the description asks nothing of other hosts", async () => {
    const response = await app.app.request("/docs");
    const html = await response.text();
    expect(html).toContain("/v1/projects/{project_id}/predict");
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect(html).not.toContain("<script");
    expect(response.headers.get("content-security-policy")).toContain("default-src 'none'");
  });
});
