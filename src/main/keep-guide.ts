/** Lays the guide that VitePress has built into build/guide, with the manifest that src/routes/guide.ts serves it by. */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { sha256 } from "../lib/hash.ts";
import { guideFolder } from "../routes/guide.ts";
import type { StaticFile, StaticManifest } from "../routes/http/static-files.ts";

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  json: "application/json",
  svg: "image/svg+xml",
  png: "image/png",
  webp: "image/webp",
  woff2: "font/woff2",
};
const text = /^(html|js|css|json|svg)$/;

/** Copies a site; throws an Error for a file of a type that is not served, or a page that loads something from elsewhere. */
export function keepSite(from: string, to: string): StaticManifest {
  const files: Record<string, StaticFile> = {};
  const scripts = new Set<string>();
  const fresh = `${to}.${process.pid}.tmp`;
  rmSync(fresh, { recursive: true, force: true });
  for (const entry of readdirSync(from, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    const path = source.slice(from.length + 1).replaceAll("\\", "/");
    const extension = path.split(".").at(-1) ?? "";
    const type = types[extension];
    if (type === undefined) throw new Error(`${path} is of no type that is served`);
    const bytes = readFileSync(source);
    if (extension === "html") for (const hash of scriptsOf(path, bytes.toString("utf8"))) scripts.add(hash);
    mkdirSync(join(fresh, path, ".."), { recursive: true });
    writeFileSync(join(fresh, path), bytes);
    const zipped = text.test(extension) ? gzipSync(bytes, { level: 6 }) : null;
    if (zipped) writeFileSync(join(fresh, `${path}.gz`), zipped);
    files[path] = { type, sha256: sha256(bytes), bytes: bytes.length, gzipBytes: zipped?.length ?? null };
  }
  if (!files["index.html"]) throw new Error(`${from} has no index.html`);
  const manifest: StaticManifest = { scripts: [...scripts].sort(), files };
  writeFileSync(join(fresh, "manifest.json"), `${JSON.stringify(manifest)}\n`);
  rmSync(to, { recursive: true, force: true });
  renameSync(fresh, to);
  return manifest;
}

/** Hashes of the scripts inside a page. */
function scriptsOf(path: string, html: string): string[] {
  const elsewhere = /<(?:script|link|img|iframe)\b[^>]*(?:src|href)="(?:https?:)?\/\/[^"]*"/.exec(html);
  if (elsewhere) throw new Error(`${path} loads something from elsewhere: ${elsewhere[0]}`);
  return [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([^]*?)<\/script>/g)].map(
    ([, script = ""]) => `sha256-${createHash("sha256").update(script).digest("base64")}`,
  );
}

if (import.meta.main) {
  const { files } = keepSite(resolve("build/docs-site/out"), guideFolder);
  const pages = Object.keys(files).filter((path) => path.endsWith(".html")).length;
  process.stdout.write(`${pages} pages in build/guide, which a server shows at /docs/guide\n`);
}
