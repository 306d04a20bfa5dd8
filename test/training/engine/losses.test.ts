import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import "../../../src/graph/gradients.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import type { LossName } from "../../../src/training/engine/types.ts";
import { maskLoss } from "../../../src/training/losses.ts";

const shape: [number, number, number] = [2, 4, 6];
const cells = 24;
const random = seededRandom(5);
const logits = Float32Array.from({ length: 2 * cells }, () => random.normal() * 3);
/** Shares of foreground, not only 0 and 1. */
const targets = Float32Array.from({ length: 2 * cells }, () => Math.round(random.next() * 4) / 4);
/** The second sample has two rows of padding. */
const valid = Float32Array.from({ length: 2 * cells }, (_, i) => (i >= cells + 12 ? 0 : 1));

/** The same losses by the book, cell by cell in double precision. */
function byTheBook(name: LossName): number {
  const each = [0, 1].map((sample) => {
    const at = Array.from({ length: cells }, (_, i) => sample * cells + i).filter((i) => valid[i] === 1);
    const mean = (f: (p: number, t: number) => number): number =>
      at.reduce((sum, i) => sum + f(1 / (1 + Math.exp(-logits[i]!)), targets[i]!), 0) / at.length;
    const bce = (p: number, t: number): number => -t * Math.log(p) - (1 - t) * Math.log(1 - p);
    const focal = (p: number, t: number): number => {
      const pt = p * t + (1 - p) * (1 - t);
      return (0.25 * t + 0.75 * (1 - t)) * (1 - pt) ** 2 * bce(p, t);
    };
    const n = at.length;
    const dice = 1 - (2 * n * mean((p, t) => p * t) + 1) / (n * mean((p) => p) + n * mean((_, t) => t) + 1);
    if (name === "dice_bce") return dice + mean(bce);
    return name === "mse" ? mean((p, t) => (p - t) ** 2) : 20 * mean(focal) + dice;
  });
  return (each[0]! + each[1]!) / 2;
}

describe.each(["dice_bce", "focal_dice", "mse"] as const)("the loss %s", (name) => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });
  const lossOf = (x: tf.Tensor, t: Float32Array): tf.Scalar =>
    maskLoss(name, { logits: x, targets: tf.tensor(t, shape), valid: tf.tensor(valid, shape) });

  it("is what its formula says, the mean over samples of what lies on the image", () => {
    expect(lossOf(tf.tensor(logits, shape), targets).dataSync()[0]).toBeCloseTo(byTheBook(name), 5);
  });

  it("neither sees padding nor moves it", () => {
    const other = logits.map((x, i) => (valid[i] === 1 ? x : x + 7));
    const otherTargets = targets.map((t, i) => (valid[i] === 1 ? t : 1 - t));
    const [a, b] = [lossOf(tf.tensor(logits, shape), targets), lossOf(tf.tensor(other, shape), otherTargets)];
    expect(b.dataSync()[0]).toBeCloseTo(a.dataSync()[0]!, 6);
    const gradient = tf
      .grad((x) => lossOf(x, targets))(tf.tensor(logits, shape))
      .dataSync();
    gradient.forEach((g, i) => {
      if (valid[i] === 1) expect(g).not.toBe(0);
      else expect(Math.abs(g)).toBe(0);
    });
  });

  it("stays finite where the logits are far out", () => {
    const far = logits.map((x) => x * 100);
    expect(Number.isFinite(lossOf(tf.tensor(far, shape), targets).dataSync()[0])).toBe(true);
  });

  it("is small for a right mask and large for a wrong one", () => {
    const hard = targets.map((t) => (t > 0.5 ? 1 : 0));
    const right = hard.map((t) => (t > 0.5 ? 30 : -30));
    const [good, bad] = [right, right.map((x) => -x)].map(
      (x) => lossOf(tf.tensor(x, shape), hard).dataSync()[0]!,
    );
    expect(good).toBeLessThan(1e-3);
    expect(bad).toBeGreaterThan(0.9);
  });
});
