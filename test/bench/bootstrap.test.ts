import { describe, expect, it } from "vitest";
import { pairedBootstrap } from "../../bench/quality/bootstrap.ts";
import { seededRandom } from "../../src/lib/random.ts";

const own = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i}`);

describe("the paired bootstrap", () => {
  it("has no width where every sample gains the same, however the scores differ", () => {
    const before = [0.1, 0.9, 0.4, 0.6];
    const gain = pairedBootstrap(
      before,
      before.map((iou) => iou + 0.05),
      own(4),
      1,
    );
    for (const value of Object.values(gain)) expect(value).toBeCloseTo(0.05, 12);
  });

  it("is as wide as the normal interval of a mean of many", () => {
    const random = seededRandom(3);
    const gains = Array.from({ length: 400 }, () => 0.02 + 0.1 * random.normal());
    const { mean, low, high } = pairedBootstrap(
      gains.map(() => 0),
      gains,
      own(400),
      1,
    );
    const deviation = Math.sqrt(gains.reduce((sum, gain) => sum + (gain - mean) ** 2, 0) / 399);
    const half = (1.96 * deviation) / Math.sqrt(400);
    expect((high - low) / 2 / half).toBeGreaterThan(0.95);
    expect((high - low) / 2 / half).toBeLessThan(1.05);
    expect((low + high) / 2).toBeCloseTo(mean, 3);
  });

  it("draws whole clusters: ten copies of each image tell no more than one", () => {
    const before = [0.2, 0.5, 0.4, 0.7, 0.3, 0.6];
    const after = [0.5, 0.4, 0.6, 0.9, 0.2, 0.8];
    const once = pairedBootstrap(before, after, own(6), 5);
    const ten = (values: readonly number[]): number[] => values.flatMap((value) => Array(10).fill(value));
    const clusters = own(6).flatMap((name) => Array<string>(10).fill(name));
    const copied = pairedBootstrap(ten(before), ten(after), clusters, 5);
    expect(copied.low).toBeCloseTo(once.low, 10);
    expect(copied.high).toBeCloseTo(once.high, 10);
    const apart = pairedBootstrap(ten(before), ten(after), own(60), 5);
    expect(apart.high - apart.low).toBeLessThan((once.high - once.low) / 2);
  });

  it("gives the same interval for the same seed", () => {
    const [before, after] = [
      [0.1, 0.4, 0.3],
      [0.2, 0.3, 0.7],
    ];
    expect(pairedBootstrap(before, after, own(3), 7)).toEqual(pairedBootstrap(before, after, own(3), 7));
  });

  it("refuses scores that are not paired", () => {
    expect(() => pairedBootstrap([0.1], [0.1, 0.2], own(2), 0)).toThrow("unpaired");
    expect(() => pairedBootstrap([], [], [], 0)).toThrow("unpaired");
  });
});
