import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "hono";
import { AppError } from "../../lib/errors.ts";
import type { Env } from "./env.ts";

export interface StaticFile {
  readonly type: string;
  readonly sha256: string;
  readonly bytes: number;
  /** Bytes of the same file with .gz at its end; null where that was not worth it. */
  readonly gzipBytes: number | null;
}

/** What is written as manifest.json beside the files. */
export interface StaticManifest {
  /** By path below the folder. */
  readonly files: Readonly<Record<string, StaticFile>>;
  /** Hashes of the scripts that stand in pages, as a Content-Security-Policy names them; left out where there are none. */
  readonly scripts?: readonly string[];
}

/**
 * Sends files of a folder by its manifest, the same for everybody. `policyOf`: the page's Content-Security-Policy.
 * Throws AppError route_not_found for what the manifest lacks, and with `unbuilt` where there is none.
 */
export function staticFiles(
  folder: string,
  options: {
    readonly policyOf: (manifest: StaticManifest) => string;
    readonly what: string;
    readonly unbuilt: string;
  },
) {
  let known: { readonly built: string; readonly manifest: StaticManifest } | undefined;
  /** As it is now: a build beside a running server takes the place of all files at once. */
  const current = async (): Promise<StaticManifest> => {
    const { ino, mtimeMs } = await unless(options.unbuilt, stat(join(folder, "manifest.json")));
    const built = `${ino} ${mtimeMs}`;
    if (known?.built !== built)
      known = { built, manifest: await unless(options.unbuilt, readManifest(folder)) };
    return known.manifest;
  };
  return async (c: Context<Env>, path: string, lasts: "hashed" | "fresh"): Promise<Response> => {
    const manifest = await current();
    const { files } = manifest;
    const file = Object.hasOwn(files, path) ? files[path] : undefined;
    if (!file) throw new AppError("route_not_found", `There is no file ${path} in ${options.what}.`);
    const zipped = file.gzipBytes !== null && acceptsGzip(c);
    const tag = `"${file.sha256.slice(0, 32)}${zipped ? "-gz" : ""}"`;
    c.header("ETag", tag);
    c.header("Vary", "Accept-Encoding");
    c.header("Cache-Control", lasts === "hashed" ? "public, max-age=31536000, immutable" : "no-cache");
    c.header("Content-Security-Policy", options.policyOf(manifest));
    c.header("X-Content-Type-Options", "nosniff");
    c.header("Referrer-Policy", "no-referrer");
    // Isolated from other sites, a page may use threads for WebAssembly.
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
}

const acceptsGzip = (c: Context): boolean => /\bgzip\b/.test(c.req.header("accept-encoding") ?? "");

const readManifest = async (folder: string): Promise<StaticManifest> =>
  JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as StaticManifest;

/** Throws AppError route_not_found with `unbuilt` where `read` fails. */
async function unless<T>(unbuilt: string, read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (cause) {
    throw new AppError("route_not_found", unbuilt, { cause });
  }
}
