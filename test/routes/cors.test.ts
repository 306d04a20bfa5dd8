import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import { type TestApp, testApp } from "../helpers/app.ts";

const allowed = "https://app.example.com";
let app: TestApp;
beforeAll(async () => {
  app = await testApp({ CORS_ORIGINS: [allowed] });
});
afterAll(() => app?.close());

const ask = (origin: string, headers: Record<string, string> = {}, method = "GET") =>
  app.app.request("/v1/projects", { method, headers: { origin, ...headers } });

describe("pages of other origins", () => {
  it("may ask with a key, and read headers, where the setting names them", async () => {
    const asked = {
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type",
    };
    const before = await ask(allowed, asked, "OPTIONS");
    expect(before.status).toBe(204);
    expect(before.headers.get("access-control-allow-origin")).toBe(allowed);
    expect(before.headers.get("access-control-allow-headers")).toBe("authorization,content-type");
    expect(before.headers.get("access-control-allow-methods")).toContain("POST");
    const answer = await ask(allowed, { authorization: `Bearer ${app.a.key}` });
    expect(answer.status).toBe(200);
    expect(answer.headers.get("access-control-allow-origin")).toBe(allowed);
    expect(answer.headers.get("access-control-expose-headers")).toContain("ETag");
    expect(answer.headers.get("vary")).toContain("Origin");
  });

  it("read refusals, too, and bring no cookies", async () => {
    const refused = await ask(allowed);
    expect(refused.status).toBe(401);
    expect(refused.headers.get("access-control-allow-origin")).toBe(allowed);
    expect(refused.headers.get("access-control-allow-credentials")).toBeNull();
  });

  it("are nobody else", async () => {
    for (const origin of ["https://app.example.com.evil.test", "http://app.example.com", "null"]) {
      const answer = await ask(origin, { authorization: `Bearer ${app.a.key}` });
      expect(answer.status).toBe(200);
      expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
      expect(answer.headers.get("vary")).toContain("Origin");
      const before = await ask(origin, { "access-control-request-method": "POST" }, "OPTIONS");
      expect(before.status).toBe(401);
    }
  });
});

describe("CORS_ORIGINS", () => {
  const read = (text?: string) => readConfig(text === undefined ? {} : { CORS_ORIGINS: text }).CORS_ORIGINS;

  it("is nobody where it is left out, and origins parted by commas", () => {
    expect([read(), read("")]).toEqual([[], []]);
    expect(read("https://a.example, http://127.0.0.1:8080")).toEqual([
      "https://a.example",
      "http://127.0.0.1:8080",
    ]);
  });

  it.each(["*", "a.example", "https://a.example/", "https://a.example/page"])("refuses %s", (text) => {
    expect(() => read(text)).toThrow("CORS_ORIGINS: has to be origins like https://app.example.com");
  });
});
