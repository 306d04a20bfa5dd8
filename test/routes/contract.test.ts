import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createApp } from "../../src/app.ts";
import { openDatabase } from "../../src/db/client.ts";
import { routeAccess } from "../../src/routes/http/access.ts";
import { type Client, errorOf, read, type TestApp, testApp } from "../helpers/app.ts";
import { holdToContract } from "../helpers/contract.ts";
import { makeProject, rectangleRle, seedAnnotated, seedImage } from "../helpers/seeds.ts";

/** What holds for every route; each answer is held against the description by testApp itself. */

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly access: string;
  /** A JSON body is asked for. */
  readonly json: boolean;
  /** Whether it may have a body of JSON; `json`: whether it must. */
  readonly takesJson: boolean;
}

interface Described {
  readonly requestBody?: RequestBody;
  readonly parameters?: readonly { name: string }[];
  readonly responses: Record<string, unknown>;
}

interface RequestBody {
  readonly required?: boolean;
  readonly content: object;
}

let app: TestApp;
let operations: Operation[];
/** Routes that bound their body. */
const tooLarge = new Set<string>();
beforeAll(async () => {
  app = await testApp();
  const { body } = await read(await app.app.request("/openapi.json"));
  const paths = body["paths"] as Record<string, Record<string, Described>>;
  operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([name, { requestBody, responses }]) => {
      const method = name.toUpperCase();
      if ("413" in responses) tooLarge.add(`${method} ${path}`);
      const takesJson = requestBody !== undefined && "application/json" in requestBody.content;
      const json = takesJson && requestBody.required === true;
      return { method, path, json, takesJson, access: routeAccess[`${method} ${path}`] ?? "none" };
    }),
  );
});
afterAll(() => app?.close());

/** A path with these values for its parameters, and any for the others. */
const fill = (path: string, values: Record<string, string> = {}): string =>
  path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => values[name] ?? "x");

describe("every route", () => {
  it("tells a key that has sent too much to wait", async () => {
    const client = await app.clientOf(app.a.workspaceId, ["admin"]);
    await app.db.execute(sql`insert into rate_buckets values (${client.keyId}, now() + interval '1 hour')`);
    for (const { method, path, access } of operations) {
      if (access === "open" || access === "none") continue;
      const answer = await client.send(method, fill(path));
      expect(`${method} ${path}: ${errorOf(answer)}`).toBe(`${method} ${path}: 429 rate_limited`);
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(3500);
    }
  });

  it("refuses names that can be none, and bodies that are no JSON or call themselves something else", async () => {
    for (const { method, path, json, takesJson } of operations) {
      const told = async (to: string, options: Parameters<Client["send"]>[2] = {}) =>
        `${method} ${path}: ${errorOf(await app.a.send(method, to, options))
          .split(" ")
          .slice(0, 2)
          .join(" ")}`;
      // Longer than any id and any link, and with a character that nothing can hold.
      const impossible = path.replaceAll(/\{\w+\}/g, `%00${"x".repeat(4001)}`);
      if (impossible !== path) {
        const body = json ? { json: {} } : {};
        expect(await told(impossible, body)).toBe(`${method} ${path}: 400 invalid_request`);
      }
      if (takesJson && tooLarge.has(`${method} ${path}`)) {
        const headers = { "content-type": "application/json", "content-length": "999999999999" };
        const at = fill(path, { number: "1" });
        expect(await told(at, { body: "{}", headers })).toBe(`${method} ${path}: 413 body_too_large`);
      }
      if (!takesJson) continue;
      const as = (type: string) => ({ body: "{", headers: { "content-type": type } });
      const at = fill(path, { number: "1" });
      expect(await told(at, as("application/json"))).toBe(`${method} ${path}: 400 invalid_json`);
      expect(await told(at, as("text/plain"))).toBe(`${method} ${path}: 415 unsupported_media_type`);
    }
  });

  it("that makes something does so once for each Idempotency-Key", async () => {
    const at = `/v1/projects/${await makeProject(app.a)}`;
    await seedAnnotated(app, at.slice("/v1/projects/".length), 3);
    const image_id = await seedImage(app, at.slice("/v1/projects/".length));
    const headers = { "idempotency-key": "for another request" };
    expect((await app.a.post("/v1/projects", { name: "x" }, headers)).status).toBe(201);
    for (const [path, json] of [
      ["/v1/projects", { name: "y" }],
      [`${at}/annotations`, { image_id, mask: rectangleRle([2, 2, 6, 6]) }],
      [`${at}/fine-tunes`, {}],
      [`${at}/fine-tunes:preview`, {}],
    ] as const) {
      const answer = await app.a.post(path, json, headers);
      expect(`${path}: ${errorOf(answer)}`).toBe(`${path}: 409 idempotency_key_reused`);
    }
  });

  it("says 500 or 503 when the database fails, and not why", async () => {
    const throwing = (cause: Error) =>
      new Proxy(app.db, {
        get: () => () => {
          throw new Error("the password is hunter2", { cause });
        },
      });
    for (const [cause, told] of [
      [new Error("hunter2"), "500 internal_error"],
      [Object.assign(new Error("hunter2"), { code: "CONNECTION_ENDED" }), "503 unavailable"],
    ] as const) {
      const failing = holdToContract(createApp({ ...app.services, db: throwing(cause) }));
      for (const { method, path, access } of operations) {
        if (access === "none") continue;
        const json = method === "POST" && access === "open" ? { key: app.a.key } : undefined;
        const answer = await askEverything(failing, { method, path, json });
        expect(`${method} ${path}: ${errorOf(answer)}`).toBe(`${method} ${path}: ${told}`);
        expect(JSON.stringify(answer.body)).not.toContain("hunter2");
      }
    }
  });

  it("is unavailable while nothing answers where the database should be", async () => {
    const away = openDatabase("postgres://nobody:hunter2@127.0.0.1:1/nothing", { max: 1 });
    try {
      const failing = holdToContract(createApp({ ...app.services, db: away.db }));
      const headers = { authorization: `Bearer ${app.a.key}` };
      const answer = await read(await failing.request("/v1/projects", { headers }));
      expect(errorOf(answer)).toBe("503 unavailable");
      expect(errorOf(await read(await failing.request("/readyz")))).toBe("503 unavailable database");
    } finally {
      await away.close();
    }
  });

  /** With a key where one is asked for, with a session where it is not. */
  async function askEverything(
    on: ReturnType<typeof createApp>,
    { method, path, json }: { method: string; path: string; json: object | undefined },
  ) {
    const headers = {
      ...(routeAccess[`${method} ${path}`] === "open"
        ? { cookie: "maskwright_session=x", "x-maskwright-csrf": "1" }
        : { authorization: `Bearer ${app.a.key}` }),
      ...(json && { "content-type": "application/json" }),
    };
    const init = { method, headers, ...(json && { body: JSON.stringify(json) }) };
    return read(await on.request(fill(path), init));
  }
});

describe("a GET", () => {
  it("is answered with 304 to who has it, and in full once it has changed", async () => {
    const id = await makeProject(app.a);
    const path = `/v1/projects/${id}`;
    const first = await app.a.get(path);
    const tag = String(first.headers.get("etag"));
    expect(first.headers.get("cache-control")).toBe("private, no-cache");
    const ask = (etags: string) => app.a.send("GET", path, { headers: { "if-none-match": etags } });
    for (const etags of [tag, `W/${tag}`, `"other", ${tag}`, "*"]) {
      const answer = await ask(etags);
      expect(answer.status).toBe(304);
      expect(answer.headers.get("etag")).toBe(tag);
    }
    expect((await ask('"other"')).status).toBe(200);
    await app.a.send("PATCH", path, { json: { name: "another" } });
    const changed = await ask(tag);
    expect(changed.body).toMatchObject({ name: "another" });
    expect(changed.headers.get("etag")).not.toBe(tag);
  });

  it("that finds nothing has no tag", async () => {
    const answer = await app.a.send("GET", "/v1/projects/prj_none", { headers: { "if-none-match": "*" } });
    expect(answer.status).toBe(404);
    expect(answer.headers.has("etag")).toBe(false);
  });
});

describe("the description", () => {
  it("names the scope that each route asks for", async () => {
    const { body } = await read(await app.app.request("/openapi.json"));
    const paths = body["paths"] as Record<string, Record<string, { security: unknown }>>;
    expect(paths["/v1/projects/{project_id}/predict"]?.["post"]?.security).toEqual([
      { bearer: ["predict"] },
      { session: ["predict"] },
    ]);
    expect(paths["/v1/session"]?.["post"]?.security).toEqual([]);
    expect(paths["/v1/session"]?.["get"]?.security).toEqual([{ bearer: [] }, { session: [] }]);
  });

  it("has an Idempotency-Key on every POST that makes something", async () => {
    const { body } = await read(await app.app.request("/openapi.json"));
    const paths = body["paths"] as Record<string, Record<string, Described>>;
    const without = Object.entries(paths).flatMap(([path, { post }]) => {
      // A browser that signs in twice has two sessions, and the cookie can't be told again; a replay leaves a
      // message that is on its way alone.
      if (!post || path === "/v1/session" || path.endsWith("/replay")) return [];
      // Another tool's protocol, which has none; what is told twice changes nothing.
      if (path.startsWith("/label-studio/")) return [];
      // A notification there makes nothing, and a tool's call has no headers of its own.
      if (path === "/mcp") return [];
      const makes = ["201", "202"].some((status) => status in post.responses);
      const takes = post.parameters?.some(({ name }) => name === "idempotency-key");
      return makes && !takes ? [path] : [];
    });
    expect(without).toEqual([]);
  });

  it("is held against every answer: one that it doesn't know fails the request", async () => {
    const other = createApp(app.services);
    other.get("/v1/forgotten", (c) => c.json({}));
    const held = holdToContract(other);
    const ask = async (path: string) =>
      held.request(path, { headers: { authorization: `Bearer ${app.a.key}` } });
    expect((await ask("/v1/projects")).status).toBe(200);
    await expect(ask("/v1/forgotten")).rejects.toThrow("/v1/forgotten answers 200 and is not documented");
    const project = await makeProject(app.a);
    const { body } = await app.a.get(`/v1/projects/${project}`);
    for (const [answer, status, problem] of [
      [{ ...body, secret: 1 }, 200, "not as documented"],
      [{ ...body, name: 1 }, 200, "not as documented"],
      [body, 202, "not documented"],
    ] as const) {
      const liar = createApp(app.services);
      const honest = liar.fetch;
      liar.fetch = async (request, ...rest) =>
        new URL(request.url).pathname.startsWith("/v1/")
          ? Response.json(answer, { status })
          : honest(request, ...rest);
      const told = holdToContract(liar).request(`/v1/projects/${project}`);
      await expect(told).rejects.toThrow(problem);
    }
  });
});
