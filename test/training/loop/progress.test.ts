import { describe, expect, it } from "vitest";
import { ProgressMeter } from "../../../src/training/loop/progress.ts";

describe("the progress of a run", () => {
  it("estimates the rest of a phase by the speed so far, later ones by what they usually take", () => {
    let now = 0;
    const meter = new ProgressMeter({ embed: 10, train: 100, evaluate: 0, register: 0 }, () => now);
    expect(meter.at("embed", 0)).toMatchObject({ done: 0, total: 10, etaSeconds: 14 });
    now = 2000;
    // 1 s each for 8 more, then 100 at 72 ms.
    expect(meter.at("embed", 2)).toEqual({ phase: "embed", done: 2, total: 10, etaSeconds: 16 });
  });

  it("takes no credit for what was done before", () => {
    let now = 0;
    const meter = new ProgressMeter({ embed: 10, train: 0, evaluate: 0, register: 0 }, () => now);
    meter.at("embed", 8);
    now = 1000;
    expect(meter.at("embed", 9).etaSeconds).toBe(1);
  });

  it("measures each phase from its own start", () => {
    let now = 0;
    const meter = new ProgressMeter({ embed: 1, train: 100, evaluate: 0, register: 0 }, () => now);
    now = 60_000;
    meter.at("train", 0);
    now = 70_000;
    expect(meter.at("train", 50)).toEqual({ phase: "train", done: 50, total: 100, etaSeconds: 10 });
  });

  it("takes longer on a slower machine, until it has measured", () => {
    const meter = new ProgressMeter({ embed: 10, train: 100, register: 0 }, () => 0);
    const usual = meter.plannedSeconds;
    meter.pace(3);
    expect(meter.plannedSeconds).toBeCloseTo(3 * usual, 9);
    expect(meter.at("embed", 0).etaSeconds).toBe(Math.ceil(3 * usual));
  });
});
