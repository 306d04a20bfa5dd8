import { describe, expect, it } from "vitest";
import {
  boxFeatureCount,
  boxFeatures,
  boxInArea,
  featureCount,
  featurePlanes,
  pointsOf,
} from "../../../src/imaging/points/features.ts";
import {
  headParts,
  judgePoints,
  type PointHead,
  readHead,
  writeHead,
} from "../../../src/imaging/points/head.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { answerOf, discBox, discs } from "../../helpers/discs.ts";

const hidden = 5;

function randomHead(scale = 0.3): PointHead {
  const random = seededRandom(4);
  const parts = headParts(hidden).map(([part, count]) => [
    part,
    Float32Array.from({ length: count }, () => scale * random.normal()),
  ]);
  return { hidden, ...Object.fromEntries(parts) } as PointHead;
}

/** The same sums in the plainest way. */
function byHand(head: PointHead, input: readonly number[]): number {
  const layer = (from: readonly number[], weights: Float32Array, biases: Float32Array): number[] =>
    Array.from(biases, (bias, m) =>
      Math.max(
        0,
        from.reduce((sum, value, n) => sum + value * (weights[n * hidden + m] as number), bias),
      ),
    );
  const scaled = input.map((value, f) => (value - (head.mean[f] as number)) * (head.scale[f] as number));
  const second = layer(layer(scaled, head.w1, head.b1), head.w2, head.b2);
  return second.reduce((sum, value, m) => sum + value * (head.w3[m] as number), head.b3[0] as number);
}

describe("a point head", () => {
  const { image, logits } = answerOf(discs[0]);

  it.each([
    ["with a box", discBox],
    ["without one", null],
  ])("adds what its layers say of each pixel that may be foreground, %s", (_, box) => {
    const head = randomHead();
    const judged = judgePoints(logits, image, { head, box });
    const points = pointsOf(logits, image);
    if (!points) throw new Error("there are points");
    const planes = [...featurePlanes(points)];
    const [left, top, right] = points.area;
    const boxed = new Float32Array(boxFeatureCount);
    let worst = 0;
    const touched = new Set<number>();
    for (const i of points.at) {
      const [x, y] = [i % (right - left), Math.floor(i / (right - left))];
      boxFeatures(x, y, box && boxInArea(box, points.area), boxed, 0);
      const wanted =
        (points.logits[i] as number) + byHand(head, [...planes.map((plane) => plane[i] as number), ...boxed]);
      const at = (top + y) * image.width + left + x;
      worst = Math.max(worst, Math.abs((judged[at] as number) - wanted));
      touched.add(at);
    }
    expect(worst).toBeLessThan(1e-4);
    expect(judged.every((logit, at) => touched.has(at) || logit === logits[at])).toBe(true);
  });

  it("leaves an answer as it is where there is nothing to judge", () => {
    const nothing = logits.map(() => -9);
    expect(judgePoints(nothing, image, { head: randomHead(), box: null })).toEqual(nothing);
  });

  it("comes back from what a version keeps of it, number for number", () => {
    const head = randomHead();
    expect(readHead(writeHead(head))).toEqual(head);
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
