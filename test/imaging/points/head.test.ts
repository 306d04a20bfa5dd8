import { describe, expect, it } from "vitest";
import {
  featureCount,
  headParts,
  type PointHead,
  readHead,
  writeHead,
} from "../../../src/imaging/points/head.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { pointFeatureCount } from "../../../src/model/refine/point-features.ts";

const hidden = 5;

function randomHead(scale = 0.3): PointHead {
  const random = seededRandom(4);
  const parts = headParts(hidden).map(([part, count]) => [
    part,
    Float32Array.from({ length: count }, () => scale * random.normal()),
  ]);
  return { hidden, ...Object.fromEntries(parts) } as PointHead;
}

describe("a point head", () => {
  it("comes back from what a version keeps of it, number for number", () => {
    const head = randomHead();
    expect(readHead(writeHead(head))).toEqual(head);
  });

  it("keeps how many pixels it judges, where they are bounded", () => {
    expect(writeHead(randomHead(), { mostPoints: 9 }).point_head.most_points).toBe(9);
    expect(writeHead(randomHead()).point_head).not.toHaveProperty("most_points");
  });

  it("has a weight for each of the features that are recorded", () => {
    expect(featureCount).toBe(pointFeatureCount);
  });

  it("is refused where its numbers are too few, or none", () => {
    const settings = writeHead(randomHead());
    const shorter = Buffer.from(settings.point_head.weights, "base64").subarray(4).toString("base64");
    const count = 2 * featureCount + (featureCount + 1) * hidden + (hidden + 1) * hidden + hidden + 1;
    expect(() => readHead({ point_head: { ...settings.point_head, weights: shorter } })).toThrow(
      `a point head of ${hidden} units has ${count} numbers, not ${count - 1}`,
    );
    const head = randomHead();
    head.w2[3] = Number.NaN;
    expect(() => readHead(writeHead(head))).toThrow("no number");
  });
});
