import { describe, expect, it } from "vitest";
import { choosePoints } from "../../../src/imaging/points/choose-points.ts";
import { seededRandom } from "../../../src/lib/random.ts";

describe("the pixels that a point head judges", () => {
  const random = seededRandom(4);
  const logits = Float32Array.from({ length: 5000 }, () => 8 * random.normal());
  const faint = Math.log(0.01 / 0.99);

  it("are all that may be foreground", () => {
    const points = choosePoints(logits);
    const want = Array.from(logits.keys()).filter((i) => (logits[i] as number) > faint);
    expect(Array.from(points)).toEqual(want);
    expect(choosePoints(Float32Array.of(-9, -30))).toHaveLength(0);
  });

  it("are the least certain where they are too many, to the number that is allowed", () => {
    const most = 700;
    const points = choosePoints(logits, most);
    expect(points).toHaveLength(most);
    const taken = new Set(points);
    const certainty = (i: number): number => Math.abs(logits[i] as number);
    const furthest = Math.max(...points.map(certainty));
    const left = Array.from(choosePoints(logits)).filter((i) => !taken.has(i));
    expect(Math.min(...left.map(certainty))).toBeGreaterThan(furthest - 20 / 1000);
    expect(Array.from(points)).toEqual(Array.from(points).sort((a, b) => a - b));
  });

  it("are as many as allowed even where all are alike", () => {
    expect(choosePoints(new Float32Array(50).fill(1.5), 20)).toEqual(
      Int32Array.from({ length: 20 }, (_, i) => i),
    );
    expect(choosePoints(new Float32Array(50).fill(70), 20)).toHaveLength(20);
  });
});
