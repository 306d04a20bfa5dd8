import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const read = (file: string): unknown => JSON.parse(readFileSync(join(root, file), "utf8"));

interface LockEntry {
  version?: string;
  license?: string;
  dev?: boolean;
  engines?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}
const lock = read("package-lock.json") as { packages: Record<string, LockEntry> };
const manifest = read("package.json") as {
  engines: Record<string, string>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
};

describe("the licence of every package", () => {
  const permissive = new Set([
    "MIT",
    "ISC",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "0BSD",
    "BlueOak-1.0.0",
    "CC0-1.0",
    "Unlicense",
    "Zlib",
  ]);
  /** Argued: what they ask for is met by how they are used. */
  const argued = (path: string, { dev }: LockEntry): readonly string[] => {
    // A library of its own that sharp loads, unchanged; its licence wants no more of a program that does so.
    if (path.startsWith("node_modules/@img/sharp-")) return ["LGPL-3.0-or-later"];
    // WebAssembly of its own that decodes HEIC, unchanged, and anybody may put another in its place.
    if (path === "node_modules/libheif-js") return ["LGPL-3.0"];
    // Tools that build and test, and are no part of what runs.
    return dev ? ["MPL-2.0"] : [];
  };

  it("lets everybody use, change and pass on what runs", () => {
    const wrong = Object.entries(lock.packages).flatMap(([path, entry]) => {
      if (path === "") return [];
      const allowed = new Set([...permissive, ...argued(path, entry)]);
      const licence = entry.license ?? "none told";
      // "OR" leaves the choice, "AND" does not.
      const met = licence
        .replaceAll(/[()]/g, "")
        .split(" AND ")
        .every((part) => part.split(" OR ").some((one) => allowed.has(one)));
      return met ? [] : [`${path}: ${licence}`];
    });
    expect(wrong).toEqual([]);
  });
});

describe("a fresh install", () => {
  it("finds every platform's binaries in the lock file, not only those of the machine that wrote it", () => {
    // npm drops what it can't install here when it writes the lock file over an existing node_modules, and then
    // `npm ci` refuses the file. The cure: write it in an empty folder, with npm install --package-lock-only.
    const missing = Object.entries(lock.packages).flatMap(([path, entry]) =>
      Object.keys(entry.optionalDependencies ?? {})
        .filter(
          (name) =>
            !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
        )
        .map((name) => `${path} -> ${name}`),
    );
    expect(missing).toEqual([]);
  });

  it("names the same Node in the lock file as in package.json", () => {
    expect(lock.packages[""]?.engines).toEqual(manifest.engines);
  });

  it("pins every package, and Node 22 for every platform", () => {
    const ranges = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
      ([, range]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range),
    );
    expect(ranges).toEqual([]);
    const nodes = Object.entries(lock.packages).filter(([path]) =>
      /^node_modules\/node-(bin-)?(linux|darwin|win)/.test(path),
    );
    expect(nodes).toHaveLength(5);
    for (const [, entry] of nodes) expect(entry.version).toMatch(/^22\./);
  });

  it("never needs libtensorflow: tfjs-node is an optional peer", () => {
    for (const name of ["@tensorflow/tfjs-node", "@tensorflow/tfjs-node-gpu"]) {
      expect(manifest.peerDependencies[name]).toBeDefined();
      expect(manifest.peerDependenciesMeta[name]).toEqual({ optional: true });
      expect(`node_modules/${name}` in lock.packages).toBe(false);
    }
  });
});
