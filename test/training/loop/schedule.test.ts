import { describe, expect, it } from "vitest";
import { learningRateAt } from "../../../src/training/loop/schedule.ts";

const schedule = { learningRate: 1, warmupSteps: 4, totalSteps: 20 };
const rates = Array.from({ length: 20 }, (_, step) => learningRateAt(schedule, step));

describe("the learning rate", () => {
  it("climbs in equal steps, without a step at zero", () => {
    expect(rates.slice(0, 5)).toEqual([0.2, 0.4, 0.6, 0.8, 1]);
  });

  it("falls like half a cosine to a hundredth", () => {
    for (let step = 5; step < 20; step++) expect(rates[step]).toBeLessThan(rates[step - 1] as number);
    expect(rates[12]).toBeCloseTo(0.505, 10);
    expect(learningRateAt(schedule, 20)).toBeCloseTo(0.01, 10);
    expect(learningRateAt(schedule, 500)).toBeCloseTo(0.01, 10);
  });

  it("starts at its peak without a warm-up", () => {
    expect(learningRateAt({ ...schedule, warmupSteps: 0 }, 0)).toBe(1);
  });
});
