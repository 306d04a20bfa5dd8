import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");

/** Whoever imports one of these wants a database, a server, graphs, or a process of its own. */
const heavy =
  /^(test\/helpers\/(app|database|inference|s3)\.ts|src\/(db\/(client|embedded)|inference\/index|lib\/child\/pool|graphs\/build|training\/engine\/create)\.ts)$/;

/** Pure, but seconds long each: they draw, train or trace. */
const slow = [
  /^test\/exports\/([^/]*$|annotations\/round-trip\.)/,
  // Asks the encoder, whose answers the other lanes keep in a folder of the run.
  /^test\/helpers\/onnxruntime\./,
  /^test\/checkpoint\/base-models\./,
  /^test\/training\/data\/near-duplicates\./,
  /^test\/(model|parity)\//,
  /^test\/training\/(points|search)\//,
  /^test\/training\/finder\/(fit-finder|half-annotated|reference)\./,
  /^test\/examples\/(pages|picture)\./,
  /^test\/graph\/(kernels|written-gradients)\./,
  /^test\/datasets\/tables\./,
  /^test\/imaging\/(decode|fast-masks|picture|polygon-runs|stretched-input|trace-rings)\.|^test\/imaging\/finding\/finding\./,
  /^test\/lib\/(json-scan|onnx-proto|worker-pool)\./,
  /^test\/training\/prompts\/batch-maker\./,
];

const imported = new Map<string, string[]>();

/** What a file loads by itself: files by their paths, packages by their names; imports of types alone load nothing. */
function importsOf(file: string): string[] {
  const known = imported.get(file);
  if (known) return known;
  const found: string[] = [];
  if (/\.(ts|tsx|mjs)$/.test(file) && existsSync(file)) {
    const source = readFileSync(file, "utf8").replaceAll(/^(import|export) type [^;]*;/gm, "");
    for (const [, name = ""] of source.matchAll(/(?:\bfrom |\bimport\(?)\s*"([^"\n]+)"/g))
      found.push(name.startsWith(".") ? resolve(dirname(file), name) : name);
  }
  imported.set(file, found);
  return found;
}

/** All that a file loads, itself and what others load for it among them. */
function loadedBy(file: string): Set<string> {
  const seen = new Set<string>([file]);
  for (const one of seen) for (const name of importsOf(one)) seen.add(name);
  return seen;
}

const files = readdirSync(join(root, "test"), { recursive: true, encoding: "utf8" })
  .map((name) => `test/${name}`)
  .filter((name) => name.endsWith(".test.ts"));

/** They hold weights, graphs and sessions, gigabytes of them, until their process ends. */
const large =
  /^test\/(base-models|bench|checkpoint|exports|graph|graphs|helpers|imaging|inference|model|parity|training)\//;

/** Tests that need no Postgres, no graph and no process of their own, and take a moment each. */
export const unitFiles: readonly string[] = files.filter((file) => {
  if (slow.some((pattern) => pattern.test(file))) return false;
  const loaded = [...loadedBy(join(root, file))].map((name) => relative(root, name));
  return !loaded.some((name) => heavy.test(name) || name.endsWith("node:child_process"));
});

const others = files.filter((file) => !file.startsWith("test/scenario/") && !unitFiles.includes(file));

/** The other tests that load a model; each file has a process of its own. */
export const modelFiles: readonly string[] = others.filter((file) => large.test(file));

/** The rest, the API's among them: one process runs many files, so that they load the service but once. */
export const apiFiles: readonly string[] = others.filter((file) => !large.test(file));
