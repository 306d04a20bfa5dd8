import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { keyScopes } from "../../src/db/schema/index.ts";
import { type Access, isApiPath, routeAccess } from "../../src/routes/http/access.ts";
import { errorOf, type TestApp, testApp } from "../helpers/app.ts";

let app: TestApp;
/** Every route of the API as `METHOD /path/{param}`, as the app itself knows them. */
let served: string[];
beforeAll(async () => {
  app = await testApp();
  served = [
    ...new Set(
      app.app.routes
        .filter(({ method, path }) => method !== "ALL" && isApiPath(path))
        .map(({ method, path }) => `${method} ${path.replaceAll(/\/:(\w+)/g, "/{$1}")}`),
    ),
  ];
});
afterAll(() => app?.close());

/** The route with something in the place of each parameter; what, is never looked at before the caller is. */
const parts = (route: string): [method: string, path: string] => {
  const [method = "", path = ""] = route.split(" ");
  return [method, path.replaceAll(/\{\w+\}/g, "x")];
};

describe("every route", () => {
  it("says what it asks of its caller", () => {
    const undeclared = served.filter((route) => routeAccess[route] === undefined);
    const advice = undeclared.map((route) => `  "${route}": "read" (or another scope),`).join("\n");
    expect(undeclared, `Add to routeAccess in src/routes/http/access.ts:\n${advice}\n`).toEqual([]);
  });

  it("that says so exists", () => {
    expect(Object.keys(routeAccess).filter((route) => !served.includes(route))).toEqual([]);
  });

  it("asks for a key, unless it is open", async () => {
    for (const route of served) {
      const [method, path] = parts(route);
      const response = await app.app.request(path, { method });
      const told = `${route}: ${response.status}`;
      if (routeAccess[route] === "open") expect(told).not.toBe(`${route}: 401`);
      else expect(told).toBe(`${route}: 401`);
    }
  });

  it.each(keyScopes)("lets a key with the scope %s in just where it should", async (scope) => {
    const client = await app.clientOf(app.a.workspaceId, [scope]);
    const wrong: string[] = [];
    for (const route of served) {
      const access = routeAccess[route] as Access;
      const allowed = scope === "admin" || [scope, "any", "open"].includes(access);
      const answer = await client.send(...parts(route));
      const refused = errorOf(answer) === "403 scope_missing";
      if (allowed === refused) wrong.push(`${route}: ${errorOf(answer)}`);
    }
    expect(wrong).toEqual([]);
  });

  it("that nobody has declared is for admins alone", async () => {
    const { createApp } = await import("../../src/app.ts");
    const other = createApp(app.services);
    other.get("/v1/forgotten", (c) => c.text("in"));
    const ask = async (scope: "read" | "admin") => {
      const { key } = await app.clientOf(app.a.workspaceId, [scope]);
      return other.request("/v1/forgotten", { headers: { authorization: `Bearer ${key}` } });
    };
    expect((await ask("read")).status).toBe(403);
    expect((await ask("admin")).status).toBe(200);
  });

  it("asks the same of HEAD as of GET", async () => {
    const client = await app.clientOf(app.a.workspaceId, ["predict"]);
    expect((await client.send("HEAD", "/v1/projects")).status).toBe(403);
    expect((await app.a.send("HEAD", "/v1/projects")).status).toBe(200);
  });
});
