import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildConsole } from "../../src/main/build-console.ts";
import { createRouter } from "../../src/routes/http/router.ts";
import { onError } from "../../src/routes/http/errors.ts";
import { consoleRoutes, type ConsoleManifest } from "../../src/routes/console.ts";

/** What `npm test` has built before. */
let manifest: ConsoleManifest;
const app = createRouter().route("/", consoleRoutes());
app.onError(onError);
beforeAll(async () => {
  manifest = await buildConsole();
});

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  Promise.resolve(app.request(path, { headers }));
const fileOf = (start: string, end: string): string =>
  Object.keys(manifest.files).find((name) => name.startsWith(start) && name.endsWith(end)) ?? "missing";

describe("the console", () => {
  it("is one page with one script and one style, and nothing inline", async () => {
    const answer = await get("/");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(answer.headers.get("cache-control")).toBe("no-cache");
    const html = await answer.text();
    const urls = [...html.matchAll(/(?:src|href|data-decoder)="([^"]+)"/g)].map(([, url]) => url ?? "");
    expect(urls).toHaveLength(4);
    for (const url of urls) expect([url, (await get(url)).status]).toEqual([url, 200]);
    expect(html).not.toMatch(/<script(?![^>]*src=)|<style|style="|\son\w+="|https?:/);
  });

  it("may load nothing from elsewhere, stand in no frame, and run nothing inline", async () => {
    const { headers } = await get("/");
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe-inline|'unsafe-eval'|https?:|\*/);
    expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
    expect(headers.get("cross-origin-embedder-policy")).toBe("require-corp");
  });

  it("weighs less than 300 KB compressed, without onnxruntime and the example", () => {
    const own = Object.entries(manifest.files).filter(([name]) => !/^ort\/|\.zip$/.test(name));
    const bytes = own.reduce((sum, [, file]) => sum + (file.gzipBytes ?? file.bytes), 0);
    expect(own.length).toBeGreaterThanOrEqual(5);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThan(300_000);
  });

  it("sends a script compressed to those who read that, for ever, and not twice", async () => {
    const path = `/console/${fileOf("console-", ".js")}`;
    const plain = await get(path);
    const zipped = await get(path, { "accept-encoding": "gzip, br" });
    expect(zipped.headers.get("content-encoding")).toBe("gzip");
    expect(zipped.headers.get("cache-control")).toContain("immutable");
    expect(gunzipSync(await zipped.arrayBuffer()).toString()).toBe(await plain.text());
    const etag = zipped.headers.get("etag") ?? "";
    expect(etag).not.toBe(plain.headers.get("etag"));
    const again = await get(path, { "accept-encoding": "gzip", "if-none-match": etag });
    expect([again.status, await again.text()]).toEqual([304, ""]);
  });

  it.each([
    "/console/none.js",
    "/console/manifest.json",
    "/console/../../package.json",
    "/console/%2e%2e/%2e%2e/package.json",
  ])("has no file %s", async (path) => {
    expect((await get(path)).status).toBe(404);
  });
});

describe("where the console was not built", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "maskwright-console-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("says how to build it, and has it as soon as it is there", async () => {
    const late = createRouter().route("/", consoleRoutes(folder));
    late.onError(onError);
    const answer = await late.request("/");
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({
      error: { message: expect.stringContaining("build:console") },
    });
  });
});
