import { describe, expect, it } from "vitest";
import { type Change, faultsOfHistory, type Read, type Served, type TrailEntry } from "./history.ts";

const promoted = (reason: string, from: Served, to: Served): TrailEntry => ({
  reason,
  kind: "promote",
  from,
  to,
});
const rolledBack = (reason: string, from: Served, to: Served): TrailEntry => ({
  reason,
  kind: "rollback",
  from,
  to,
});
const asked = (
  reason: string,
  [start, end]: [number, number],
  outcome: Change["outcome"] = "done",
  kind: Change["kind"] = "promote",
): Change => ({ reason, kind, start, end, outcome });
const read = (version: Served, start: number, end: number): Read => ({ version, start, end });

/** Version 1 is promoted within 10 to 20, version 2 within 30 to 40, and rolled back within 50 to 60. */
const trail = [promoted("a", "base", 1), promoted("b", 1, 2), rolledBack("c", 2, 1)];
const changes = [asked("a", [10, 20]), asked("b", [30, 40]), asked("c", [50, 60], "done", "rollback")];
const faults = (reads: Read[], also: Change[] = changes, rows: TrailEntry[] = trail): string[] =>
  faultsOfHistory({ trail: rows, changes: also, reads });

describe("a history of one register", () => {
  it("has answers of what was live some time within them", () => {
    const before = [read("base", 0, 5), read("base", 12, 18), read(1, 12, 18), read(1, 25, 28)];
    const after = [read(1, 31, 33), read(2, 35, 36), read(2, 45, 55), read(1, 52, 58), read(1, 70, 80)];
    expect(faults([...before, ...after])).toEqual([]);
  });

  it("may have carried out what its client never heard of, at once, later, or not at all", () => {
    const unheard = [asked("a", [10, 20]), asked("b", [30, 40], "unknown")];
    expect(faults([read(1, 50, 55), read(2, 60, 65)], unheard, trail.slice(0, 2))).toEqual([]);
    expect(faults([read(1, 50, 55)], unheard, trail.slice(0, 1))).toEqual([]);
  });

  it("goes on from a trail that others have written before", () => {
    const later = [promoted("d", 1, 3)];
    expect(faults([read(1, 70, 71), read(3, 82, 83)], [asked("d", [72, 81])], [...trail, ...later])).toEqual(
      [],
    );
  });
});

describe("a history that no register has", () => {
  it.each([
    ["an answer of a version before anybody had asked for it", [read(1, 0, 5)]],
    ["an answer of the base after another was acknowledged", [read("base", 21, 29)]],
    ["an answer of a version that had been rolled back", [read(2, 61, 70)]],
    ["an answer of a version that never was", [read(7, 12, 18)]],
    ["an older answer after a newer one", [read(1, 11, 13), read("base", 14, 16)]],
  ])("%s", (_name, reads) => expect(faults(reads)).toHaveLength(1));

  it("lost what it had acknowledged", () => {
    expect(faults([], changes, trail.slice(0, 2))).toEqual(["rollback c was acknowledged and is lost"]);
  });

  it("carried out one request twice", () => {
    const twice = [promoted("a", "base", 1), promoted("b", 1, 2), promoted("a", 2, 1)];
    expect(faults([], changes.slice(0, 2), twice)).toContain("promote a was carried out 2 times");
  });

  it("carried out what it had refused", () => {
    const refused = [asked("a", [10, 20]), asked("b", [30, 40], "refused")];
    expect(faults([], refused, trail.slice(0, 2))).toEqual(["promote b was refused and carried out"]);
  });

  it("put a request before one that had ended when it began", () => {
    const turned = [promoted("b", "base", 2), promoted("a", 2, 1)];
    expect(faults([], changes.slice(0, 2), turned)).toEqual([
      "b began after a had ended and comes before it",
    ]);
  });

  it("promoted another version than was asked for", () => {
    expect(faults([], [{ ...asked("a", [10, 20]), to: 2 }], trail.slice(0, 1))).toEqual([
      "promote a became a promote to version 1",
    ]);
  });

  it("has a gap in its trail, or a rollback that toggles", () => {
    expect(faults([], [], [promoted("a", "base", 1), promoted("b", 3, 2)])).toHaveLength(1);
    expect(faults([], [], [...trail, rolledBack("d", 1, 2)])).toHaveLength(1);
  });
});
