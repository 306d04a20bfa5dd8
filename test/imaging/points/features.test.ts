import { describe, expect, it } from "vitest";
import {
  boxFeatureCount,
  boxFeatures,
  featureCount,
  featurePlanes,
  pointsOf,
} from "../../../src/imaging/points/features.ts";
import { answerOf, discs } from "../../helpers/discs.ts";

describe("what a point head knows of a pixel", () => {
  const disc = answerOf(discs[0]);
  const points = pointsOf(disc.logits, disc.image);
  if (!points) throw new Error("there are points");
  const planes = [...featurePlanes(points)];
  const [left, top, right] = points.area;
  const at = (x: number, y: number): number[] =>
    planes.map((plane) => plane[(y - top) * (right - left) + x - left] as number);

  it("is as many numbers as the head has inputs, all of them finite and of a size", () => {
    expect(planes.length + boxFeatureCount).toBe(featureCount);
    const worst = Math.max(...planes.map((plane) => Math.max(...plane.map(Math.abs))));
    expect(worst).toBeLessThanOrEqual(5);
  });

  it("places colours between the object's and its surroundings', whatever they are", () => {
    const alongs = discs.map((kind) => {
      const { logits, image } = answerOf(kind);
      const own = pointsOf(logits, image);
      if (!own) throw new Error("there are points");
      const along = [...featurePlanes(own)][7] as Float32Array;
      const width = own.area[2] - own.area[0];
      return [
        [60, 60],
        [60, 35],
      ].map(([x = 0, y = 0]) => along[(y - own.area[1]) * width + x - own.area[0]] as number);
    });
    for (const [inside = 0, outside = 0] of alongs) {
      expect(inside).toBeGreaterThan(0.3);
      expect(outside).toBeLessThan(-0.3);
    }
  });

  it("begins with the decoder's own logit", () => {
    expect(at(60, 60)[0]).toBeCloseTo((disc.logits[60 * disc.image.width + 60] as number) / 4, 5);
  });

  it("leaves out what is surely background, and all where nothing is anything else", () => {
    const count = disc.logits.filter((logit) => logit > Math.log(0.01 / 0.99)).length;
    expect(points.at.length).toBe(count);
    expect(
      pointsOf(
        disc.logits.map(() => -9),
        disc.image,
      ),
    ).toBeNull();
  });

  it("tells how far a pixel lies inside the prompt's box, and that there is none by zeros", () => {
    const out = new Float32Array(3 * boxFeatureCount).fill(7);
    boxFeatures(10, 10, [0, 0, 40, 40], out, 0);
    boxFeatures(-5, 10, [0, 0, 40, 40], out, boxFeatureCount);
    boxFeatures(10, 10, null, out, 2 * boxFeatureCount);
    const share = 10.5 / 80;
    expect(out[0]).toBeCloseTo(Math.tanh(10.5 / 2), 5);
    expect(out[1]).toBeCloseTo(Math.tanh(16 * share), 5);
    expect(out[2]).toBeCloseTo(4 * share, 5);
    expect(out[3]).toBe(1);
    expect(out[boxFeatureCount]).toBeLessThan(0);
    expect(Array.from(out.subarray(2 * boxFeatureCount))).toEqual([0, 0, 0, 0]);
  });
});
