import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { documents, withTables } from "../../bench/tables/main.ts";
import { tables } from "../../bench/tables/tables.ts";

const root = resolve(import.meta.dirname, "../..");
const text = (name: string): string => readFileSync(join(root, name), "utf8");

it.each(documents)("%s has the tables that bench/results give: npm run bench -- tables", (name) => {
  expect(text(name)).toContain("<!-- bench: ");
  expect(withTables(text(name))).toBe(text(name));
});

it("every table and every result stands in a document", () => {
  const all = documents.map(text).join("\n");
  const named = [...all.matchAll(/<!-- bench: ([\w-]+) -->/g)].map(([, name]) => name);
  expect(new Set(named)).toEqual(new Set(Object.keys(tables)));
  const read = new Set<string>();
  for (const table of Object.values(tables))
    table((name) => {
      read.add(`${name}.json`);
      return JSON.parse(text(`bench/results/${name}.json`)) as unknown;
    });
  // What test:abuse wrote on this machine has a document and a writer of its own.
  const kept = readdirSync(join(root, "bench/results")).filter((name) => name !== "abuse.json");
  expect(new Set(kept)).toEqual(read);
});

it("a table that nobody knows is an error, not an empty place", () => {
  expect(() => withTables("<!-- bench: none -->\n<!-- end -->")).toThrow("there is no table none");
});
