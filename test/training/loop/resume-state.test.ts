import { describe, expect, it } from "vitest";
import type { NamedTensors } from "../../../src/checkpoint/named-tensors.ts";
import { encodeSafetensors } from "../../../src/checkpoint/safetensors.ts";
import {
  decodeCheckpoint,
  difference,
  encodeCheckpoint,
  type Origin,
  type TrainingCheckpoint,
} from "../../../src/training/loop/resume-state.ts";

const origin: Origin = {
  snapshot: "s",
  recipe: { epochs: 9, learning_rate: 1e-4 },
  seed: 3,
  base_version: null,
  engine: "compiled",
  device: "cpu",
};
const tensor = (...values: number[]) => ({ shape: [values.length], data: Float32Array.from(values) });
/** `a` is trained, `frozen` is not. */
const start: NamedTensors = { frozen: tensor(7, 8), a: tensor(1, 2) };
const epoch = (number: number) => ({
  epoch: number,
  trainLoss: number === 0 ? null : 0.1 + 0.2,
  selectionIou: 1 / 3,
  selectionInterval: { low: 0.25, high: null },
  learningRate: 1e-4 / 3,
  epochSeconds: 0.7,
});

function checkpoint(best: number, learnt: number[]): TrainingCheckpoint {
  const weights = { ...start, a: tensor(...learnt) };
  return {
    origin,
    state: { curve: [epoch(0), epoch(1), epoch(2)], best: { epoch: best, iou: 1 / 3, weights } },
    engine: {
      steps: 14,
      tensors: { a: tensor(5, 6), "first/a": tensor(0.1, 0.2), "second/a": tensor(0, 1e-30) },
    },
  };
}

describe("a checkpoint", () => {
  it.each([
    ["the start", 0, [1, 2]],
    ["an epoch before", 1, [3, 4]],
    ["the last epoch", 2, [5, 6]],
  ])("comes back as it was when the best is %s", (_name, best, learnt) => {
    const before = checkpoint(best, learnt);
    expect(decodeCheckpoint(encodeCheckpoint(before), start)).toEqual(before);
  });

  it("holds the best epoch's trained weights only where they lie nowhere else", () => {
    const sizes = [0, 1, 2].map((best) => encodeCheckpoint(checkpoint(best, [0, 0])).byteLength);
    expect(sizes[0]).toBe(sizes[2]);
    expect(sizes[1]).toBeGreaterThan(sizes[0]!);
    expect(Buffer.from(encodeCheckpoint(checkpoint(1, [3, 4]))).toString("latin1")).not.toContain("frozen");
  });

  it("is told from another file", () => {
    expect(() => decodeCheckpoint(encodeSafetensors(start), start)).toThrow("its format is undefined");
  });
});

describe("what a checkpoint belongs to", () => {
  it("is the same when it says the same, in whatever order", () => {
    expect(difference(origin, { ...origin, recipe: { learning_rate: 1e-4, epochs: 9 } })).toBeUndefined();
  });

  it.each([
    [{ snapshot: "t" }, "the data"],
    [{ recipe: { epochs: 8, learning_rate: 1e-4 } }, "the recipe"],
    [{ seed: 4 }, "the seed"],
    [{ base_version: 1 }, "the version that it starts from"],
    [{ engine: "eager" }, "the engine"],
    [{ device: "gpu" }, "what the engine runs on"],
  ])("is another with %j", (change, said) => {
    expect(difference(origin, { ...origin, ...change })).toBe(said);
  });
});
