import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const page = read("docs/compatibility.md");
/** Tables have a head and a line below it. */
const rows = page
  .split(/\n(?!\|)/)
  .flatMap((block) =>
    block
      .split("\n")
      .filter((line) => line.startsWith("|"))
      .slice(2),
  )
  .map((line) =>
    line
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
const pinned = JSON.parse(read("package.json")) as Record<
  "dependencies" | "devDependencies",
  Record<string, string>
>;
const versions = { ...pinned.dependencies, ...pinned.devDependencies };

describe("docs/compatibility.md", () => {
  it("says of every tool a version, what works and a test that is there", () => {
    expect(rows.length).toBeGreaterThan(30);
    for (const row of rows) {
      expect(row, row.join()).toHaveLength(4);
      const [, version = "", works = "", shown = ""] = row;
      expect([version, works], row.join()).not.toContain("");
      const files = [...shown.matchAll(/`([^`]+)`/g)].map(([, file = ""]) => file);
      expect(files, row.join()).not.toHaveLength(0);
      expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
    }
  });

  it("names a first tool in every table", () => {
    for (const [, first] of page.matchAll(/\n\|[-|]+\|\n\|([^|]*)\|/g)) expect(first?.trim()).not.toBe("");
  });

  it("names the versions of packages that are installed", () => {
    const named = [...page.matchAll(/`?((?:@[\w-]+\/)?[\w-]+)`? (\d+\.\d+\.\d+)/g)].filter(
      ([, name = ""]) => name in versions,
    );
    expect(named.length).toBeGreaterThan(3);
    for (const [, name = "", version] of named) expect([name, version]).toEqual([name, versions[name]]);
  });
});
