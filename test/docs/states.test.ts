import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";
import { fineTuneStates } from "../../src/domain/job-states.ts";

const root = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/states.md"), "utf8");

it("docs/states.md shows the table of states as it is", () => {
  const rows = page.split("\n").filter((line) => line.startsWith("|"));
  const cellsOf = (row = ""): string[] =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim());
  const [, ...steps] = cellsOf(rows[0]);
  const shown = rows.slice(2).map((row) => {
    const [status, ...ends] = cellsOf(row);
    return [status, Object.fromEntries(steps.map((step, i) => [step, ends[i] || null]))];
  });
  expect(Object.fromEntries(shown)).toEqual(fineTuneStates);
});

it("each of its invariants names tests that are there", () => {
  const [, list = ""] = page.split("## What always holds");
  const invariants = list.trim().split("\n");
  expect(invariants.length).toBeGreaterThan(10);
  for (const [i, invariant] of invariants.entries()) {
    expect(invariant.startsWith(`${i + 1}. **`)).toBe(true);
    const held = [...invariant.matchAll(/`(test\/[^`]+)`: ((?:"[^"]+"(?:, )?)+)/g)];
    expect(held.length).toBeGreaterThan(0);
    for (const [, file = "", titles = ""] of held) {
      const source = readFileSync(join(root, file), "utf8");
      for (const [, title = ""] of titles.matchAll(/"([^"]+)"/g)) expect(source).toContain(`"${title}"`);
    }
  }
});
