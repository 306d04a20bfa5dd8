import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Context } from "hono";
import { AppError } from "../lib/errors.ts";
import { createRouter } from "./http/router.ts";
import type { Env } from "./http/env.ts";

/** What main/build-console.ts writes beside the files: which there are, and from which sources they were made. */
export interface ConsoleManifest {
  /** Hash of what the console is built of, and of what draws its example project. */
  readonly sources: string;
  readonly example: string;
  /** By path below the folder. */
  readonly files: Readonly<Record<string, ConsoleFile>>;
}

export interface ConsoleFile {
  readonly type: string;
  readonly sha256: string;
  readonly bytes: number;
  /** Bytes of the same file with .gz at its end; null where that was not worth it. */
  readonly gzipBytes: number | null;
}

/** build/console of this package, whatever the working directory. */
export const consoleFolder = resolve(import.meta.dirname, "../../build/console");

/**
 * Only what this server serves, and no inline script or style. `wasm-unsafe-eval` lets onnxruntime compile its
 * WebAssembly and nothing else; `blob:` shows files that are being uploaded.
 */
const policy = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The console: static files, the same for everybody. What it shows comes from the API, with the visitor's session. */
export function consoleRoutes(folder = consoleFolder) {
  const router = createRouter();
  let manifest: Promise<ConsoleManifest> | undefined;

  const send = async (c: Context<Env>, path: string, lasts: "hashed" | "fresh"): Promise<Response> => {
    manifest ??= readManifest(folder).catch((error: unknown) => {
      manifest = undefined;
      throw error;
    });
    const file = (await manifest).files[path];
    if (!file) throw new AppError("route_not_found", `There is no file ${path} in the console.`);
    const zipped = file.gzipBytes !== null && acceptsGzip(c);
    const tag = `"${file.sha256.slice(0, 32)}${zipped ? "-gz" : ""}"`;
    c.header("ETag", tag);
    c.header("Vary", "Accept-Encoding");
    c.header("Cache-Control", lasts === "hashed" ? "public, max-age=31536000, immutable" : "no-cache");
    c.header("Content-Security-Policy", policy);
    c.header("X-Content-Type-Options", "nosniff");
    c.header("Referrer-Policy", "no-referrer");
    // Isolated from other sites, the page may use threads for WebAssembly.
    c.header("Cross-Origin-Opener-Policy", "same-origin");
    c.header("Cross-Origin-Embedder-Policy", "require-corp");
    c.header("Cross-Origin-Resource-Policy", "same-origin");
    if (c.req.header("if-none-match") === tag) return c.body(null, 304);
    c.header("Content-Type", file.type);
    if (zipped) c.header("Content-Encoding", "gzip");
    // The path stands in the manifest, so it can't lead out of the folder.
    const bytes = await readFile(join(folder, zipped ? `${path}.gz` : path));
    return c.body(Uint8Array.from(bytes));
  };

  router.get("/", (c) => send(c, "index.html", "fresh"));
  router.get("/favicon.svg", (c) => send(c, "favicon.svg", "fresh"));
  router.get("/console/*", (c) => send(c, c.req.path.slice("/console/".length), "hashed"));
  return router;
}

const acceptsGzip = (c: Context): boolean => /\bgzip\b/.test(c.req.header("accept-encoding") ?? "");

async function readManifest(folder: string): Promise<ConsoleManifest> {
  try {
    return JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as ConsoleManifest;
  } catch (cause) {
    throw new AppError("route_not_found", "The console is not built here; run: npm run build:console.", {
      cause,
    });
  }
}
