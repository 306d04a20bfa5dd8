/** Bundles the console into build/console, with the example project's pages; costs nothing while nothing changed. */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { sha256 } from "../lib/hash.ts";
import { consoleFolder, type ConsoleManifest } from "../routes/console.ts";
import type { StaticFile } from "../routes/http/static-files.ts";
import { usageOr } from "./shared/usage.ts";

const root = resolve(import.meta.dirname, "../..");
const packages = ["preact", "@preact/signals", "uplot", "onnxruntime-web", "d3-contour", "esbuild"];
/** The example project: as many pages as the demo draws, of its own seed. */
const example = { pages: 30, seed: 7 };
const types: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  mjs: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  wasm: "application/wasm",
  zip: "application/zip",
};

/** Writes the console unless what lies there is fresh; the manifest comes last. Returns what the manifest says. */
export async function buildConsole(
  options: { folder?: string; force?: boolean } = {},
): Promise<ConsoleManifest> {
  const folder = options.folder ?? consoleFolder;
  const sources = hashOf(consoleSources());
  const drawn = hashOf(exampleSources());
  const present = readManifest(folder);
  if (!options.force && present?.sources === sources) return present;
  const made = new Map<string, Uint8Array>();
  await bundle(made);
  runtime(made);
  // Drawing takes longer than all the rest.
  const keeps = present?.example === drawn && present.files["example.zip"] !== undefined;
  made.set("example.zip", keeps ? readFileSync(join(folder, "example.zip")) : await examplePages());
  const fresh = `${folder}.${process.pid}.tmp`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  const files: Record<string, StaticFile> = {};
  for (const [path, bytes] of made) files[path] = writeAsset(fresh, path, bytes);
  const manifest: ConsoleManifest = { sources, example: drawn, files };
  writeFileSync(join(fresh, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
  return manifest;
}

/** Script and style under names that hold their hash, and the page that loads them. */
async function bundle(made: Map<string, Uint8Array>): Promise<void> {
  const { build } = await import("esbuild");
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: { console: "src/console/main.tsx", decoder: "src/console/decoder/worker.ts" },
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    target: "es2023",
    minify: true,
    jsx: "automatic",
    jsxImportSource: "preact",
    tsconfig: "src/console/tsconfig.json",
    outdir: "out",
    entryNames: "[name]-[hash]",
    legalComments: "none",
  });
  const names = new Map<string, string>();
  for (const file of outputFiles) {
    const name = file.path.slice(file.path.lastIndexOf("/") + 1);
    made.set(name, file.contents);
    names.set(`${name.split("-")[0]}.${name.split(".").at(-1)}`, name);
  }
  if (Object.keys(metafile.outputs).length !== outputFiles.length) throw new Error("the bundle is not whole");
  const html = readFileSync(join(root, "src/console/index.html"), "utf8").replaceAll(
    /\{\{(.+?)\}\}/g,
    (_all, key: string) => names.get(key) ?? fail(`nothing was built for ${key}`),
  );
  made.set("index.html", Buffer.from(html));
  made.set("favicon.svg", readFileSync(join(root, "src/console/favicon.svg")));
}

/** onnxruntime's own files, unbundled: its threads load the script again by its own address. */
function runtime(made: Map<string, Uint8Array>): void {
  for (const file of ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"]) {
    made.set(`ort/${file}`, readFileSync(join(root, "node_modules/onnxruntime-web/dist", file)));
  }
}

async function examplePages(): Promise<Uint8Array> {
  const [{ drawPage }, { packPages }] = await Promise.all([
    import("../samples/pages.ts"),
    import("../samples/zip.ts"),
  ]);
  const pages = [];
  for (let i = 0; i < example.pages; i++) pages.push(await drawPage(example.seed, i));
  return packPages(pages);
}

function writeAsset(folder: string, path: string, bytes: Uint8Array): StaticFile {
  const extension = path.split(".").at(-1) ?? "";
  const type = types[extension] ?? fail(`${path} is of no known type`);
  mkdirSync(join(folder, path, ".."), { recursive: true });
  writeFileSync(join(folder, path), bytes);
  const zipped = extension === "zip" ? null : gzipSync(bytes, { level: 6 });
  if (zipped) writeFileSync(join(folder, `${path}.gz`), zipped);
  return { type, sha256: sha256(bytes), bytes: bytes.length, gzipBytes: zipped?.length ?? null };
}

/** Every file that the console is made of, package versions included. */
const consoleSources = (): string[] => [
  ...filesBelow(["src/console", "src/imaging", "src/lib", "src/samples"]),
  "src/main/build-console.ts",
  ...packages.map((name) => `node_modules/${name}/package.json`),
];

const exampleSources = (): string[] => [
  ...filesBelow(["src/samples"]),
  "src/lib/random.ts",
  "src/imaging/rle.ts",
  "node_modules/sharp/package.json",
];

const filesBelow = (folders: readonly string[]): string[] =>
  folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(ts|tsx|css|html|svg|json)$/.test(name))
      .map((name) => `${folder}/${name.replaceAll("\\", "/")}`),
  );

const hashOf = (files: readonly string[]): string =>
  sha256(
    [...files]
      .sort()
      .map((name) => `${name} ${sha256(readFileSync(join(root, name)))}`)
      .join("\n"),
  );

function readManifest(folder: string): ConsoleManifest | null {
  try {
    return JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")) as ConsoleManifest;
  } catch {
    return null;
  }
}

function fail(message: string): never {
  throw new Error(message);
}

if (import.meta.main) {
  usageOr(
    "usage: npm run build:console -- [--if-stale]\n  Bundles the console into build/console; with --if-stale, only where its source changed.",
    {
      options: { "if-stale": { type: "boolean" } },
    },
  );
  const force = !process.argv.includes("--if-stale");
  const { files } = await buildConsole({ force });
  if (force) {
    for (const [path, { bytes, gzipBytes }] of Object.entries(files))
      console.log(`${path}  ${bytes} bytes${gzipBytes === null ? "" : `, ${gzipBytes} compressed`}`);
  }
}
