import { describe, expect, it } from "vitest";
import { files, imports, placeOf, show, src } from "./imports.ts";

const inside = imports.filter((entry) => entry.to.startsWith(src));

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
  graphs: ["lib", "domain", "imaging", "checkpoint", "model", "graph"],
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
  // A scrub reads what the manifests of base models name.
  operations: ["lib", "domain", "db", "storage", "base-models"],
  // Goes out to others by itself.
  client: [],
  // Asks the public API for everything, as any caller does; a signature it checks by itself.
  cli: ["lib", "client", "config.ts"],
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
    "exports",
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
