import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import { recordGraph } from "../../../src/graph/record.ts";
import { choosePoints } from "../../../src/imaging/points/choose-points.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { guidedFilterOnnx, pointHeadOnnx } from "../../../src/graphs/refine.ts";
import { guidedLogits } from "../../../src/model/refine/guided-filter.ts";
import { turnedBoxMean } from "../../../src/model/refine/planes.ts";
import { pointFeatureCount, pointFeatures } from "../../../src/model/refine/point-features.ts";
import { meansAround, pixelsAt } from "../../../src/model/refine/window-means.ts";
import { judgePoints, type PointHeadTensors } from "../../../src/model/refine/point-head.ts";
import { type Plain, runBytes, runGraph } from "../../graph/run-onnx.ts";

const random = seededRandom(11);
const normal = (...shape: number[]): Plain => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
});
const given = (...values: number[]): Plain => ({ shape: [values.length], data: Float32Array.from(values) });
const tensors = (feeds: Readonly<Record<string, Plain>>): Record<string, tf.Tensor> =>
  Object.fromEntries(
    Object.entries(feeds).map(([name, { shape, data }]) => [
      name,
      tf.tensor(Float32Array.from(data), [...shape]),
    ]),
  );

/** A blob of logits on noise, neither side a multiple of anything. */
function areaOf(height: number, width: number): { logits: Plain; guide: Plain } {
  const logits = Float32Array.from({ length: height * width }, (_, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    return 6 - Math.hypot(y - height / 2, x - width / 2) / 1.5 + random.normal() / 4;
  });
  const guide = Uint8Array.from({ length: height * width * 3 }, () => random.below(256));
  return {
    logits: { shape: [height, width], data: logits },
    guide: { shape: [height, width, 3], data: guide },
  };
}

function furthest(got: Plain | undefined, want: tf.Tensor): number {
  expect(got?.shape).toEqual(want.shape);
  const values = want.dataSync();
  return Math.max(...Array.from(got?.data ?? [], (value, i) => Math.abs(value - (values[i] as number))));
}

beforeAll(async () => {
  await tf.setBackend("cpu");
});

describe("recorded refining gives what its definition gives on tfjs's cpu backend", () => {
  it.each([
    [37, 52],
    [5, 3],
  ])("for a point head, at %i x %i", async (height, width) => {
    const units = 7;
    const head = {
      mean: normal(pointFeatureCount),
      scale: normal(pointFeatureCount),
      w1: normal(pointFeatureCount, units),
      b1: normal(units),
      w2: normal(units, units),
      b2: normal(units),
      w3: normal(units),
      b3: normal(1),
    };
    const area = areaOf(height, width);
    for (const hasBox of [0, 1]) {
      const boxed = { box: given(1.5, 2, 30, 4.25), has_box: given(hasBox) };
      const chosen = choosePoints(area.logits.data as Float32Array);
      const points = { shape: [chosen.length], data: chosen };
      const got = await runBytes(pointHeadOnnx("refined"), { ...area, ...boxed, points, ...head });
      const { logits, guide, box, has_box } = tensors({ ...area, ...boxed });
      const own = { logits: logits!, guide: guide!, box: box!, hasBox: has_box! };
      const want = judgePoints(
        own,
        tf.tensor1d(chosen, "int32"),
        tensors(head) as unknown as PointHeadTensors,
      );
      expect(furthest(got["refined"], want)).toBeLessThan(2e-2);
      const alone = await runBytes(pointHeadOnnx("judged"), { ...area, ...boxed, points, ...head });
      const judged = Float32Array.from(chosen, (at) => got["refined"]?.data[at] as number);
      expect(alone["judged"]?.data.length).toBe(chosen.length);
      for (const [i, logit] of judged.entries()) expect(alone["judged"]?.data[i]).toBeCloseTo(logit, 3);
    }
  });

  it.each([2, 6, 40])("for the guided filter of radius %i", async (radius) => {
    const area = areaOf(31, 44);
    const settings = { radius: given(radius), epsilon: given(1e-2), threshold: given(0.4) };
    const got = await runBytes(guidedFilterOnnx(), { ...area, ...settings });
    const own = tensors({ ...area, ...settings }) as unknown as Parameters<typeof guidedLogits>[0];
    expect(furthest(got["refined"], guidedLogits(own))).toBeLessThan(2e-3);
  });
});

describe("a mean over squares", () => {
  it.each([1, 3, 8, 30])("counts what lies inside alone, radius %i", async (radius) => {
    const [height, width] = [12, 17];
    const plane = normal(1, height, width);
    const graph = recordGraph(
      ({ x }) => ({ y: turnedBoxMean(x!, radius) }),
      [{ name: "x", shape: [1, "height", "width"] }],
    );
    const got = await runGraph(graph, { x: plane });
    for (const [y, x] of [
      [0, 0],
      [6, 9],
      [11, 3],
    ] as const) {
      const inside = Array.from(plane.data).filter(
        (_, i) => Math.abs(Math.floor(i / width) - y) <= radius && Math.abs((i % width) - x) <= radius,
      );
      const mean = inside.reduce((a, b) => a + b, 0) / inside.length;
      expect(got["y"]?.data[x * height + y]).toBeCloseTo(mean, 5);
    }
  });
});

describe("means round some pixels", () => {
  it("count what lies inside alone, for every radius", async () => {
    const [height, width, radii] = [23, 9, [1, 4, 16]];
    const plane = normal(1, height, width);
    const points = { shape: [4], data: Int32Array.of(0, 8, 100, height * width - 1) };
    const graph = recordGraph(
      ({ x, points: some }) => {
        const [, rows = 0, columns = 0] = x!.shape;
        return { y: meansAround(x!, radii, pixelsAt(some!, [rows, columns])) };
      },
      [
        { name: "x", shape: [1, "height", "width"] },
        { name: "points", shape: ["points"], dtype: "int32" },
      ],
    );
    const got = await runGraph(graph, { x: plane, points });
    expect(got["y"]?.shape).toEqual([radii.length, points.data.length]);
    for (const [r, radius] of radii.entries()) {
      for (const [p, point] of points.data.entries()) {
        const [y, x] = [Math.floor(point / width), point % width];
        const inside = Array.from(plane.data).filter(
          (_, i) => Math.abs(Math.floor(i / width) - y) <= radius && Math.abs((i % width) - x) <= radius,
        );
        const mean = inside.reduce((a, b) => a + b, 0) / inside.length;
        expect(got["y"]?.data[r * points.data.length + p]).toBeCloseTo(mean, 5);
      }
    }
  });
});

describe("what a point head knows of a pixel", () => {
  /** Left dark, right light, and an answer that says the object is on the left. */
  const [height, width] = [24, 40];
  const guide = (dark: number, light: number): tf.Tensor =>
    tf.tensor(
      Float32Array.from({ length: height * width * 3 }, (_, i) =>
        Math.floor(i / 3) % width < width / 2 ? dark : light,
      ),
      [height, width, 3],
    );
  const logits = tf.tensor(
    Float32Array.from({ length: height * width }, (_, i) => (i % width < width / 2 ? 4 : -3)),
    [height, width],
  );
  const featuresOf = (image: tf.Tensor, box: readonly number[] | null): Float32Array[] => {
    const area = {
      logits,
      guide: image,
      box: tf.tensor1d([...(box ?? [0, 0, 0, 0])]),
      hasBox: tf.tensor1d([box ? 1 : 0]),
    };
    const everyPixel = tf.range(0, height * width, 1, "int32");
    const all = pointFeatures(area, everyPixel);
    return tf.split(all, pointFeatureCount, 0).map((row) => row.dataSync() as Float32Array);
  };
  const at = (x: number, y: number): number => y * width + x;

  it("is as many numbers as the head has inputs, all of them of a size", () => {
    const planes = featuresOf(guide(30, 220), null);
    expect(planes).toHaveLength(pointFeatureCount);
    expect(Math.max(...planes.map((plane) => Math.max(...plane.map(Math.abs))))).toBeLessThanOrEqual(5);
  });

  it("places colours between the object's and its surroundings', whatever they are", () => {
    for (const [inside, outside] of [
      [30, 220],
      [220, 30],
      [100, 140],
    ] as const) {
      const along = featuresOf(guide(inside, outside), null)[7] as Float32Array;
      expect(along[at(5, 12)]).toBeGreaterThan(0.3);
      expect(along[at(35, 12)]).toBeLessThan(-0.3);
    }
  });

  it("tells how far a pixel lies inside the prompt's box, and that there is none by zeros", () => {
    const four = (box: readonly number[] | null, place: number): (number | undefined)[] =>
      featuresOf(guide(30, 220), box)
        .slice(-4)
        .map((plane) => plane[place]);
    const [distance, share] = [5.5, 5.5 / 34];
    const inside = four([0, 0, 20, 14], at(5, 7));
    expect(inside[0]).toBeCloseTo(Math.tanh(distance / 2), 5);
    expect(inside[1]).toBeCloseTo(Math.tanh(16 * share), 5);
    expect(inside[2]).toBeCloseTo(4 * share, 5);
    expect(inside[3]).toBe(1);
    expect(four([0, 0, 20, 14], at(30, 7))[0]).toBeLessThan(0);
    expect(four(null, at(5, 7)).map((value) => (value ?? 1) + 0)).toEqual([0, 0, 0, 0]);
  });
});
