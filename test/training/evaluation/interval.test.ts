import { describe, expect, it } from "vitest";
import { seededRandom } from "../../../src/lib/random.ts";
import { type Difference, pairedGain } from "../../../src/training/evaluation/interval.ts";

/** One difference a group. */
const each = (values: readonly number[]): Difference[] =>
  values.map((value, i) => ({ group: `${i}`, value }));
const gainOf = (differences: readonly Difference[], seed = 1) => pairedGain(differences, seededRandom(seed));
const normals = (count: number, mean: number, seed: number): number[] => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => mean + random.normal());
};

describe("the interval of a paired gain", () => {
  it("is about 1.96 standard errors to both sides, of many groups", () => {
    const values = normals(400, 0.3, 2);
    const mean = values.reduce((a, b) => a + b, 0) / 400;
    const error = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 400 / 400);
    const gain = gainOf(each(values));
    expect(gain.mean).toBeCloseTo(mean, 12);
    expect((mean - (gain.low as number)) / error).toBeGreaterThan(1.8);
    expect((mean - (gain.low as number)) / error).toBeLessThan(2.1);
    expect(((gain.high as number) - mean) / error).toBeGreaterThan(1.8);
    expect(((gain.high as number) - mean) / error).toBeLessThan(2.1);
  });

  it("resamples groups, not annotations: a page of ten stamps counts as one", () => {
    const pages = normals(12, 0.2, 3);
    const copies = pages.flatMap((value, i) => Array.from({ length: 10 }, () => ({ group: `${i}`, value })));
    expect(gainOf(copies).low).toBeCloseTo(gainOf(each(pages)).low as number, 12);
    expect(gainOf(copies).high).toBeCloseTo(gainOf(each(pages)).high as number, 12);
    const alone = gainOf(each(copies.map(({ value }) => value)));
    expect((alone.high as number) - (alone.low as number)).toBeLessThan(
      0.5 * ((gainOf(copies).high as number) - (gainOf(copies).low as number)),
    );
  });

  it("is the mean of annotations, whatever the size of their groups", () => {
    const uneven = [
      { group: "a", value: 1 },
      { group: "a", value: 1 },
      { group: "a", value: 1 },
      { group: "b", value: 0 },
    ];
    expect(gainOf(uneven).mean).toBe(0.75);
  });

  it("is Student's of few groups, and none of one", () => {
    // Mean 2, standard error sqrt(1 / 3), 2 degrees of freedom.
    const three = gainOf(each([1, 2, 3]));
    expect(three.low).toBeCloseTo(2 - 4.303 / Math.sqrt(3), 12);
    expect(three.high).toBeCloseTo(2 + 4.303 / Math.sqrt(3), 12);
    expect(gainOf([...each([1]), { group: "0", value: 2 }])).toEqual({ mean: 1.5, low: null, high: null });
  });

  it.each([3, 6, 9, 20])("seldom finds a gain where there is none: %i groups", (groups) => {
    let found = 0;
    for (let seed = 0; seed < 400; seed++)
      if ((gainOf(each(normals(groups, 0, 1000 + seed)), seed).low as number) > 0) found++;
    // 2.5 % are meant; the percentile bootstrap of 9 groups takes about 5 %.
    expect(found / 400).toBeLessThan(0.075);
  });

  it("is the same again for the same seed", () => {
    const values = each(normals(10, 0, 5));
    expect(gainOf(values, 7)).toEqual(gainOf(values, 7));
    expect(gainOf(values, 7)).not.toEqual(gainOf(values, 8));
  });
});
