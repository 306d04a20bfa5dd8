import { readdirSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { importsOf, imports, show, src } from "./imports.ts";

const made = new Set(["node_modules", ".venv", ".git", "build", ".data"]);

/** All that is written by hand: what is installed or built, perhaps at this moment, is not looked at. */
const filesBelow = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (made.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
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
    "test/gpu": "tools",
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

  it("keep all Python in peers/, but for the client, what an export carries and what CVAT runs", () => {
    const scripts = filesBelow(root)
      .filter((name) => name.endsWith(".py"))
      .map((name) => relative(root, name));
    expect(
      scripts.filter((name) => !/^(peers|python\/src|src\/exports\/runners|examples\/cvat)\//.test(name)),
    ).toEqual([]);
    expect(scripts.length).toBeGreaterThan(10);
  });
});
