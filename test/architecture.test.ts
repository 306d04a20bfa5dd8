import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { parseSync } from "oxc-parser";
import { describe, expect, it } from "vitest";

const src = resolve(import.meta.dirname, "../src");

/**
 * Who may import whom, by folder of src (see docs/adr/0002-import-rules.md). A file that stands directly in src
 * is named by itself. What is not listed is not allowed; every folder may import from itself.
 */
const allowed: Record<string, readonly string[]> = {
  lib: [],
  "config.ts": [],
  // The demo's pages, which tests, benches and the console's example are drawn from.
  samples: ["lib", "imaging"],
  // The words that all others speak.
  domain: ["lib"],
  imaging: ["lib", "domain"],
  checkpoint: ["lib", "domain"],
  model: ["lib", "domain", "checkpoint"],
  graph: ["lib", "domain", "model"],
  storage: ["lib", "domain"],
  datasets: ["lib", "domain", "imaging"],
  graphs: ["lib", "imaging", "checkpoint", "model", "graph"],
  "base-models": ["lib", "domain", "imaging", "checkpoint", "model", "graph", "storage"],
  inference: ["lib", "domain", "imaging", "checkpoint", "graphs", "base-models", "storage"],
  db: ["lib", "domain"],
  queue: ["lib", "domain", "db"],
  training: [
    "lib",
    "domain",
    "imaging",
    "checkpoint",
    "model",
    "graph",
    "graphs",
    "storage",
    "datasets",
    "inference",
  ],
  jobs: [
    "lib",
    "domain",
    "imaging",
    "checkpoint",
    "storage",
    "datasets",
    "inference",
    "db",
    "queue",
    "training",
  ],
  "services.ts": ["lib", "domain", "config.ts", "db", "storage", "inference"],
  exports: ["lib", "domain", "imaging", "checkpoint", "graphs", "storage", "inference", "db"],
  webhooks: ["lib", "domain", "db", "queue"],
  operations: ["lib", "domain", "db", "storage"],
  // Goes out to others by itself.
  client: [],
  // Asks the public API for everything, as any caller does.
  cli: ["client", "config.ts"],
  // The web app shares the plain code of masks; everything else it asks the public API for.
  console: ["lib", "domain", "imaging", "client"],
  // Use cases: no HTTP, no job.
  actions: [
    "lib",
    "domain",
    "imaging",
    "storage",
    "datasets",
    "inference",
    "training",
    "exports",
    "base-models",
    "webhooks",
    "db",
    "queue",
    "config.ts",
    "services.ts",
  ],
  routes: [
    "lib",
    "actions",
    "domain",
    "imaging",
    "storage",
    "inference",
    "exports",
    "base-models",
    "webhooks",
    "db",
    "queue",
    "services.ts",
  ],
  "app.ts": ["lib", "domain", "actions", "routes", "services.ts"],
  main: [
    "lib",
    "domain",
    "imaging",
    "config.ts",
    "app.ts",
    "services.ts",
    "db",
    "queue",
    "inference",
    "checkpoint",
    "model",
    "graphs",
    "training",
    "jobs",
    "base-models",
    "webhooks",
    "storage",
    "operations",
    // build-console.ts writes what the route reads, and draws the example's pages.
    "routes",
    "samples",
  ],
};

interface Import {
  from: string;
  to: string;
  /** False for `import type`, which is gone at run time. */
  runs: boolean;
}

const files = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.tsx?$/.test(name) && !name.endsWith(".d.ts"))
  .map((name) => join(src, name));

function importsOf(file: string): Import[] {
  const { module, errors } = parseSync(file, readFileSync(file, "utf8"));
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const found: Import[] = [];
  const add = (specifier: string, runs: boolean): void => {
    const to = specifier.startsWith(".") ? resolve(dirname(file), specifier) : specifier;
    found.push({ from: file, to, runs });
  };
  for (const entry of module.staticImports) {
    add(entry.moduleRequest.value, entry.entries.length === 0 || entry.entries.some((name) => !name.isType));
  }
  for (const entry of module.staticExports.flatMap((statement) => statement.entries)) {
    if (entry.moduleRequest) add(entry.moduleRequest.value, !entry.isType);
  }
  const source = readFileSync(file, "utf8");
  for (const entry of module.dynamicImports) {
    const text = source.slice(entry.moduleRequest.start, entry.moduleRequest.end);
    if (/^["'`][^$]*["'`]$/.test(text)) add(text.slice(1, -1), true);
  }
  return found;
}

const imports = files.flatMap(importsOf);
const inside = imports.filter((entry) => entry.to.startsWith(src));
const placeOf = (file: string): string => relative(src, file).split("/")[0] ?? "";
const show = (file: string): string => (file.startsWith(src) ? relative(src, file) : file);

/** Everything that loads when `entry` does. */
function closure(entry: string): Set<string> {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const next of imports) if (next.from === file && next.runs) visit(next.to);
  };
  visit(join(src, entry));
  return seen;
}

describe("the arrows between the folders of src", () => {
  it("point only where the house rules let them", () => {
    const wrong = inside
      .filter(({ from, to }) => placeOf(from) !== placeOf(to))
      .filter(({ from, to }) => !(allowed[placeOf(from)] ?? []).includes(placeOf(to)))
      .map(({ from, to }) => `${show(from)} -> ${show(to)}`);
    expect(wrong).toEqual([]);
  });

  it("name every folder", () => {
    const places = [...new Set(files.map(placeOf))].sort();
    expect(places.filter((place) => !(place in allowed))).toEqual([]);
  });

  it("form no circle between files, not by types alone either", () => {
    const state = new Map<string, "open" | "done">();
    const cycles: string[] = [];
    const visit = (file: string, path: string[]): void => {
      if (state.get(file) === "done") return;
      if (state.get(file) === "open") {
        cycles.push([...path.slice(path.indexOf(file)), file].map(show).join(" -> "));
        return;
      }
      state.set(file, "open");
      for (const next of inside) if (next.from === file) visit(next.to, [...path, file]);
      state.set(file, "done");
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it("keep routes apart: a route imports no other route's file", () => {
    const wrong = inside
      .filter(({ from }) => /^routes\/[^/]+\.ts$/.test(show(from)))
      .filter(({ to }) => /^routes\/[^/]+\.ts$/.test(show(to)))
      .map(({ from, to }) => `${show(from)} -> ${show(to)}`);
    expect(wrong).toEqual([]);
  });
});

describe("the outbuildings", () => {
  const root = resolve(src, "..");
  const outside = ["bench", "examples", "tools", "test"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => /\.(ts|tsx|mjs)$/.test(name) && !name.includes("node_modules"))
      .map((name) => join(root, folder, name)),
  );
  const placeIn = (file: string): string => relative(root, file).split("/").slice(0, 2).join("/");
  const yardOf = (file: string): string => relative(root, file).split("/")[0] ?? "";
  /** Tests of an outbuilding import what they test. */
  const testsOf: Record<string, string> = {
    "test/bench": "bench",
    "test/peers": "bench",
    "test/examples": "examples",
    "test/client": "tools",
    "test/main": "bench",
  };

  it("import of each other only what lies in test/worlds", () => {
    const wrong = outside
      .flatMap(importsOf)
      .filter(({ to }) => to.startsWith(root) && yardOf(to) !== "src")
      .filter(({ from, to }) => yardOf(from) !== yardOf(to) && placeIn(to) !== "test/worlds")
      .filter(({ from, to }) => testsOf[placeIn(from)] !== yardOf(to))
      .map(({ from, to }) => `${relative(root, from)} -> ${relative(root, to)}`);
    expect(outside.length).toBeGreaterThan(300);
    expect(wrong).toEqual([]);
  });

  it("are no part of the product", () => {
    const wrong = imports
      .filter(({ to }) => to.startsWith(root) && yardOf(to) !== "src")
      .map(({ from }) => show(from));
    // The version of the release stands in package.json.
    expect(wrong).toEqual([]);
  });

  it("share only bench/lib among the benches", () => {
    const wrong = outside
      .filter((file) => yardOf(file) === "bench")
      .flatMap(importsOf)
      .filter(({ to }) => to.startsWith(join(root, "bench")))
      .filter(({ from, to }) => placeIn(from) !== placeIn(to) && placeIn(to) !== "bench/lib")
      .map(({ from, to }) => `${relative(root, from)} -> ${relative(root, to)}`);
    expect(wrong).toEqual([]);
  });

  it("keep all Python in peers/, but for what an export carries", () => {
    const scripts = readdirSync(root, { recursive: true, encoding: "utf8" }).filter(
      (name) =>
        name.endsWith(".py") && !/^(node_modules|\.venv|build|infra\/node_modules|\.data)\//.test(name),
    );
    expect(scripts.filter((name) => !/^(peers|src\/exports\/runners)\//.test(name))).toEqual([]);
    expect(scripts.length).toBeGreaterThan(10);
  });
});

describe("the serving path", () => {
  it.each(["app.ts", "services.ts", "main/server.ts", "main/lambda.ts", "main/lambda-tasks.ts"])(
    "never loads TensorFlow.js from %s",
    (entry) => {
      const loaded = [...closure(entry)];
      expect(loaded.length).toBeGreaterThan(10);
      expect(loaded.filter((name) => name.startsWith("@tensorflow/")).map(show)).toEqual([]);
      expect(
        loaded.map(show).filter((name) => /^(model|graph|training)\/|^graphs\/(?!files)/.test(name)),
      ).toEqual([]);
    },
  );
});

describe("the rules of the source", () => {
  it("let only config.ts read the environment", () => {
    // The console runs in browsers, which have none; the code that it shows to users may read theirs.
    const readers = files
      .filter((file) => placeOf(file) !== "console")
      .filter((file) => readFileSync(file, "utf8").includes("process.env"));
    // no-telemetry.ts sets a variable and reads none.
    expect(readers.map(show)).toEqual(["config.ts", "lib/no-telemetry.ts"]);
  });

  it("load onnxruntime with its telemetry off, also in the threads that a file starts", () => {
    const everywhere = ["src", "bench", "test", "tools", "examples"].flatMap((folder) =>
      readdirSync(resolve(src, "..", folder), { recursive: true, encoding: "utf8" })
        .filter((name) => /\.(ts|mjs)$/.test(name))
        .map((name) => resolve(src, "..", folder, name)),
    );
    const loaders = everywhere.filter((file) =>
      importsOf(file).some(({ to, runs }) => runs && to === "onnxruntime-node"),
    );
    expect(loaders.map(show)).toEqual(["lib/onnxruntime.ts"]);

    const loads = (file: string, name: string): boolean => closure(show(file)).has(join(src, name));
    const threads = files
      .filter(
        (file) =>
          /\b(new Worker|workerPool)\b/.test(readFileSync(file, "utf8")) && placeOf(file) !== "console",
      )
      .flatMap((file) =>
        [...readFileSync(file, "utf8").matchAll(/"(\.\.?\/[\w/-]+\.ts)"/g)]
          .map(([, path = ""]) => ({ file, thread: resolve(dirname(file), path) }))
          .filter(({ thread }) => files.includes(thread) && loads(thread, "lib/onnxruntime.ts")),
      );
    expect(new Set(threads.map(({ file }) => show(file))).size).toBeGreaterThan(2);
    const reporting = threads.filter(({ file }) => !loads(file, "lib/no-telemetry.ts"));
    expect(reporting.map(({ file }) => show(file))).toEqual([]);
  });

  it("keep every file at 300 lines or fewer", () => {
    const long = files.filter((file) => readFileSync(file, "utf8").split("\n").length > 301).map(show);
    expect(long).toEqual([]);
  });
});
