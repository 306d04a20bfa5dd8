import { createHash } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { onError } from "../../src/routes/http/errors.ts";
import { createRouter } from "../../src/routes/http/router.ts";
import { guideRoutes } from "../../src/routes/guide.ts";
import { keepSite } from "../../src/main/keep-guide.ts";

/** A site as VitePress lays one out; `npm run build:docs` builds the real one. */
const inline = 'document.documentElement.classList.add("dark")';
const html = `<html><head><script id="dark">${inline}</script><script type="module" src="/docs/guide/assets/app.1.js"></script></head></html>`;

let folder: string;
let get: (path: string, headers?: Record<string, string>) => Promise<Response>;
const write = (name: string, content: string): void => {
  mkdirSync(join(folder, "site", name, ".."), { recursive: true });
  writeFileSync(join(folder, "site", name), content);
};
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-guide-"));
  for (const name of ["index.html", "imports.html", "adr/index.html"]) write(name, html);
  write("assets/app.1.js", "export {};");
  keepSite(join(folder, "site"), join(folder, "guide"));
  const app = createRouter().route("/", guideRoutes(join(folder, "guide")));
  app.onError(onError);
  get = async (path, headers = {}) => app.request(path, { headers });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the guide", () => {
  it.each(["/docs/guide/", "/docs/guide/imports", "/docs/guide/imports.html", "/docs/guide/adr/"])(
    "has a page at %s",
    async (path) => {
      const answer = await get(path);
      expect([answer.status, await answer.text()]).toEqual([200, html]);
      expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(answer.headers.get("cache-control")).toBe("no-cache");
    },
  );

  it("leads from its name to its first page", async () => {
    const answer = await get("/docs/guide");
    expect([answer.status, answer.headers.get("location")]).toEqual([308, "/docs/guide/"]);
  });

  it("lets run only its own scripts, those inside its pages by their hashes, and loads nothing from elsewhere", async () => {
    const policy = (await get("/docs/guide/")).headers.get("content-security-policy") ?? "";
    const hash = createHash("sha256").update(inline).digest("base64");
    expect(policy).toContain(`script-src 'self' 'sha256-${hash}';`);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe-eval|https?:|\*/);
    write("bad/index.html", '<script src="https://cdn.example.com/a.js"></script>');
    expect(() => keepSite(join(folder, "site"), join(folder, "other"))).toThrow(
      "bad/index.html loads something",
    );
  });

  it("sends what has its hash in its name for ever, compressed to those who read that", async () => {
    const answer = await get("/docs/guide/assets/app.1.js", { "accept-encoding": "gzip" });
    expect(answer.headers.get("cache-control")).toContain("immutable");
    expect(gunzipSync(await answer.arrayBuffer()).toString()).toBe("export {};");
  });

  it.each([
    "/docs/guide/none",
    "/docs/guide/manifest.json",
    "/docs/guide/../../package.json",
    "/docs/guide/constructor.js",
  ])("has nothing at %s", async (path) => {
    expect((await get(path)).status).toBe(404);
  });

  it("shows what was built last, beside the server that shows it", async () => {
    const [from, to] = [join(folder, "again"), join(folder, "built")];
    const app = createRouter().route("/", guideRoutes(to));
    app.onError(onError);
    const seen = async (path: string) => {
      const { status, headers } = await app.request(`/docs/guide/${path}`);
      return { status, tag: headers.get("etag"), policy: headers.get("content-security-policy") };
    };
    const build = (word: string): void => {
      rmSync(from, { recursive: true, force: true });
      mkdirSync(join(from, "assets"), { recursive: true });
      writeFileSync(join(from, "index.html"), `<script>${word}</script>`);
      writeFileSync(join(from, "assets", `${word}.js`), word);
      keepSite(from, to);
    };
    expect(await seen("")).toMatchObject({ status: 404 });
    build("first");
    const before = await seen("");
    build("second");
    const after = await seen("");
    expect(after.tag).not.toBe(before.tag);
    expect(after.policy).not.toBe(before.policy);
    expect(await seen("assets/second.js")).toMatchObject({ status: 200 });
    expect(await seen("assets/first.js")).toMatchObject({ status: 404 });
  });

  it("says how it is built where it is not", async () => {
    const app = createRouter().route("/", guideRoutes(join(folder, "nowhere")));
    app.onError(onError);
    const answer = await app.request("/docs/guide/");
    expect([answer.status, await answer.text()]).toEqual([
      404,
      expect.stringContaining("npm run build:docs"),
    ]);
  });
});
