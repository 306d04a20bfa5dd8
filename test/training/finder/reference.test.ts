import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { finderOnnx } from "../../../src/graphs/finder.ts";
import { finderShapes } from "../../../src/domain/finder-layout.ts";
import { encodeRle } from "../../../src/imaging/rle.ts";
import type { Box } from "../../../src/imaging/types.ts";
import { stepScalarNames, stepScalars } from "../../../src/training/engine/adamw.ts";
import { findScores, type Marked, overlapsOf } from "../../../src/training/finder/find-scores.ts";
import { batchShapes } from "../../../src/training/finder/finder-loss.ts";
import { recordedStepOnnx, stepState } from "../../../src/training/engine/recorded-step.ts";
import { finderStep, trainedParts } from "../../../src/training/finder/finder-step.ts";
import { lcgBytes } from "../../helpers/lcg.ts";
import { type Plain, runBytes } from "../../graph/run-onnx.ts";

interface Marks {
  readonly image: number;
  readonly label: string;
  readonly box: Box;
  readonly score?: number;
}
/** What peers/reference/finder.py made by PyTorch and pycocotools. */
const reference = JSON.parse(readFileSync(join(import.meta.dirname, "reference/finder.json"), "utf8")) as {
  outputs: number[];
  loss: number;
  slopes: Record<string, { sum: number; first: number[] }>;
  truth: Marks[];
  finds: (Marks & { score: number })[];
  scores: Record<string, { ap: number; ap50: number }>;
};

const shape = { crops: 2, side: 5, labels: 2 };
const sizeOf = (dims: readonly number[]): number => dims.reduce((product, dim) => product * dim, 1);
const values = (dims: readonly number[], seed: number, scale: number): Float32Array =>
  Float32Array.from(lcgBytes(sizeOf(dims), seed), (byte) =>
    Math.fround(Math.fround(byte / 128 - 1) * Math.fround(scale)),
  );
const clipped = (data: Float32Array, shift: number): Float32Array =>
  data.map((value) => Math.min(1, Math.max(0, value + shift)));
const above = (data: Float32Array, least: number, is: number): Float32Array =>
  data.map((value) => (value > least ? is : 0));

const weights = Object.fromEntries(
  Object.entries(finderShapes(2)).map(([name, dims], i) => {
    const data = values(dims, 100 + i, 0.08);
    return [name, { shape: dims, data: name === "scale" ? data.map((value) => value + 1) : data }];
  }),
);
const shapes = batchShapes(shape);
const batch: Record<string, Plain> = {
  cells: { shape: shapes.cells, data: values(shapes.cells, 1, 1) },
  kept: { shape: shapes.kept, data: above(values(shapes.kept, 2, 1), -0.8, 1.1) },
  foreground: { shape: shapes.foreground, data: clipped(values(shapes.foreground, 3, 0.5), 0.5) },
  centres: { shape: shapes.centres, data: clipped(values(shapes.centres, 4, 0.6), 0.5) },
  sides: { shape: shapes.sides, data: values(shapes.sides, 5, 1) },
  weight: { shape: shapes.weight, data: clipped(values(shapes.weight, 6, 1), 0) },
  valid: { shape: shapes.valid, data: above(values(shapes.valid, 7, 1), -0.7, 1) },
};

describe("a finder's step, beside PyTorch", () => {
  it("has its loss, and slopes that move every weight as AdamW would", async () => {
    const parts = trainedParts(2);
    const zeros = Object.fromEntries(
      parts.flatMap((part) => {
        const { shape: dims } = weights[part] as Plain;
        const plain: Plain = { shape: dims, data: new Float32Array(sizeOf(dims)) };
        return [stepState.first(part), stepState.second(part)].map((name) => [name, plain]);
      }),
    );
    const scalars = stepScalars(1, 1e-3, { weightDecay: 0.05 });
    const feeds: Record<string, Plain> = {
      ...weights,
      ...zeros,
      ...batch,
      ...Object.fromEntries(
        stepScalarNames.map((name) => [
          stepState.scalar(name),
          { shape: [], data: Float32Array.of(scalars[name]) },
        ]),
      ),
    };
    const next = await runBytes(recordedStepOnnx(finderStep(shape)), feeds);
    expect(next["loss"]?.data[0]).toBeCloseTo(reference.loss, 4);
    // The first step's first moment is the clipped gradient: one factor for all parts.
    const total = (name: string): number =>
      Array.from((next[stepState.next(stepState.first(name))] as Plain).data, Math.abs).reduce(
        (a, b) => a + b,
        0,
      );
    const clip = total("head.bias") / (reference.slopes["head.bias"]?.sum ?? 0);
    expect(clip).toBeLessThanOrEqual(1.0001);
    for (const part of parts) {
      const wanted = reference.slopes[part] as { sum: number; first: number[] };
      expect(total(part) / clip / wanted.sum, part).toBeCloseTo(1, 3);
      const first = next[stepState.next(stepState.first(part))]?.data as Float32Array;
      for (const [i, value] of wanted.first.entries())
        expect((first[i] as number) / clip, `${part}[${i}]`).toBeCloseTo(value, 4);
    }
  });
});

describe("a finder's graph", () => {
  it("runs on every number of labels, and a map of 64, 32 and 16 cells", async () => {
    for (const [pool, labels] of [
      [1, 1],
      [2, 3],
      [4, 2],
    ] as const) {
      const side = 64 / pool;
      const own = Object.fromEntries(
        Object.entries(finderShapes(labels)).map(([name, dims], i) => [
          name,
          { shape: dims, data: values(dims, 100 + i, 0.08) },
        ]),
      );
      const dims = [1, side, side, 256];
      const { finds } = await runBytes(finderOnnx(pool), {
        ...own,
        cells: { shape: dims, data: values(dims, 1, 1) },
      });
      expect(finds?.shape).toEqual([1, side, side, 4 * (2 * labels + 4)]);
      expect(finds?.data.every((value) => Number.isFinite(value))).toBe(true);
    }
  });
});

describe("scores of finds, beside pycocotools", () => {
  const marked = ({ box: [x0, y0, x1, y1], label }: Marks): Marked => {
    const data = new Uint8Array(40 * 40);
    for (let y = y0; y < y1; y++) data.fill(1, y * 40 + x0, y * 40 + x1);
    return { mask: encodeRle({ width: 40, height: 40, data }), bbox: [x0, y0, x1, y1], label };
  };
  const images = [1, 2, 3, 4, 5, 6].map((id) =>
    overlapsOf({
      group: String(id),
      truth: reference.truth.filter(({ image }) => image === id).map(marked),
      found: reference.finds
        .filter(({ image }) => image === id)
        .sort((a, b) => b.score - a.score)
        .map((one) => ({ ...marked(one), score: one.score })),
    }),
  );

  it("are COCO's average precisions, by label", () => {
    for (const label of ["a", "b"]) {
      const { ap, ap50 } = findScores(images, 0.5, label);
      expect(ap50).toBeCloseTo(reference.scores[label]?.ap50 ?? Number.NaN, 6);
      expect(ap).toBeCloseTo(reference.scores[label]?.ap ?? Number.NaN, 6);
    }
  });

  it("are null where nothing is there, and 0 where nothing is found", () => {
    expect(findScores(images, 0.5, "no such label").ap50).toBeNull();
    const blind = images.map((image) => ({ ...image, found: [], iou: [] }));
    expect(findScores(blind, 0.5)).toMatchObject({ ap50: 0, pq: 0, precision: null, recall: 0, meanIou: 0 });
  });

  it("count what passes the threshold alone for PQ, precision and recall", () => {
    const [none, all] = [findScores(images, 1.1), findScores(images, 0)];
    expect(none).toMatchObject({ pq: 0, precision: null, recall: 0 });
    expect(all.ap50).toBe(none.ap50);
    expect(all.pq as number).toBeGreaterThan(0);
    expect(all.pq as number).toBeLessThanOrEqual(1);
  });
});
