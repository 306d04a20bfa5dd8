import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, it } from "vitest";
import "../../../src/graph/gradients.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import type { Loss } from "../../../src/training/engine/types.ts";
import { iouLoss, lowResIou, maskLoss } from "../../../src/training/engine/losses.ts";
import { lossTerms } from "../../../src/training/engine/objective.ts";

const shape: [number, number, number] = [2, 4, 6];
const cells = 24;
const random = seededRandom(5);
const logits = Float32Array.from({ length: 2 * cells }, () => random.normal() * 3);
/** Shares of foreground, not only 0 and 1. */
const targets = Float32Array.from({ length: 2 * cells }, () => Math.round(random.next() * 4) / 4);
/** The second sample has two rows of padding. */
const valid = Float32Array.from({ length: 2 * cells }, (_, i) => (i >= cells + 12 ? 0 : 1));

/** Nearness to an edge, as the host would compute it; any numbers in [0, 1] will do here. */
const edges = Float32Array.from({ length: 2 * cells }, () => random.next());

/** The same losses by the book, cell by cell in double precision. */
function byTheBook(loss: Loss, x: ArrayLike<number> = logits): number {
  const each = [0, 1].map((sample) => {
    const at = Array.from({ length: cells }, (_, i) => sample * cells + i).filter((i) => valid[i] === 1);
    const mean = (f: (p: number, t: number, i: number) => number): number =>
      at.reduce((sum, i) => sum + f(1 / (1 + Math.exp(-x[i]!)), targets[i]!, i), 0) / at.length;
    const bce = (p: number, t: number): number => -t * Math.log(p) - (1 - t) * Math.log(1 - p);
    const focal = (p: number, t: number): number => {
      const pt = p * t + (1 - p) * (1 - t);
      return (0.25 * t + 0.75 * (1 - t)) * (1 - pt) ** 2 * bce(p, t);
    };
    const n = at.length;
    const column = (i: number): number =>
      Math.hypot(...at.filter((k) => k % 6 === i % 6).map((k) => Math.max(0, x[k]!)));
    const terms = {
      dice: () => 1 - (2 * n * mean((p, t) => p * t) + 1) / (n * mean((p) => p) + n * mean((_, t) => t) + 1),
      bce: () => mean(bce),
      focal: () => mean(focal),
      mse: () => mean((p, t) => (p - t) ** 2),
      boundary: () => mean((p, t, i) => edges[i]! * bce(p, t)) / mean((_p, _t, i) => edges[i]!),
      normalised_mse: () => mean((_, t, i) => (Math.max(0, x[i]!) / (column(i) || 1) - t) ** 2),
    };
    return lossTerms(loss).reduce((sum, [term, weight]) => sum + weight * terms[term](), 0);
  });
  return (each[0]! + each[1]!) / 2;
}

const objectives: Loss[] = [
  "dice",
  "dice_bce",
  "focal_dice",
  "mse",
  "dice_bce_boundary",
  { boundary: 0.5, focal: 3, mse: 0.25, dice: 2, bce: 0 },
];

describe.each(objectives)("the loss %j", (name) => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });
  const lossOf = (x: tf.Tensor, t: Float32Array): tf.Scalar =>
    maskLoss(name, {
      logits: x,
      targets: tf.tensor(t, shape),
      valid: tf.tensor(valid, shape),
      edges: tf.tensor(edges, shape),
    });

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

describe("the gradients of the losses", () => {
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });
  it.each([...objectives, "tutorial_mse" as const])("are those of finite differences: %j", (loss) => {
    const inputs = {
      targets: tf.tensor(targets, shape),
      valid: tf.tensor(valid, shape),
      edges: tf.tensor(edges, shape),
    };
    const gradient = tf
      .grad((x) => maskLoss(loss, { logits: x, ...inputs }))(tf.tensor(logits, shape))
      .dataSync();
    gradient.forEach((g, i) => {
      const moved = (by: number): number[] => [...logits].map((x, k) => (k === i ? x + by : x));
      const slope = (byTheBook(loss, moved(1e-5)) - byTheBook(loss, moved(-1e-5))) / 2e-5;
      expect(Math.abs(g - slope), `logit ${i}`).toBeLessThan(1e-6 + 1e-4 * Math.abs(slope));
    });
  });

  it("are finite for the tutorial's loss where a column has no positive logit, and zero there", () => {
    const negative = tf.tensor(
      logits.map((x) => -Math.abs(x) - 1),
      shape,
    );
    const masks = { targets: tf.tensor(targets, shape), valid: tf.tensor(valid, shape) };
    const gradient = tf
      .grad((x) => maskLoss("tutorial_mse", { logits: x, ...masks }))(negative)
      .dataSync();
    expect(gradient.every((g) => Math.abs(g) === 0)).toBe(true);
  });
});

describe("the loss of the IoU head", () => {
  const inputs = () => ({
    logits: tf.tensor(logits, shape),
    targets: tf.tensor(targets, shape),
    valid: tf.tensor(valid, shape),
  });
  const measured = [0, 1].map((sample) => {
    let [both, sum] = [0, 0];
    for (let i = sample * cells; i < (sample + 1) * cells; i++) {
      const inside = logits[i]! > 0 ? valid[i]! : 0;
      both += inside * targets[i]!;
      sum += inside + targets[i]! * valid[i]!;
    }
    return both / (sum - both);
  });
  beforeAll(async () => {
    await tf.setBackend("cpu");
  });

  it("is the squared distance to the IoU that the masks have", () => {
    const real = lowResIou(inputs()).dataSync();
    measured.forEach((iou, i) => expect(real[i]).toBeCloseTo(iou, 6));
    const want = ((measured[0]! - 0.9) ** 2 + (measured[1]! - 0.1) ** 2) / 2;
    expect(iouLoss(tf.tensor1d([0.9, 0.1]), inputs()).dataSync()[0]).toBeCloseTo(want, 6);
  });

  it("moves the prediction, not the mask", () => {
    const { targets: t, valid: v } = inputs();
    const [toPrediction, toLogits] = tf.grads((p, x) => iouLoss(p, { logits: x, targets: t, valid: v }))([
      tf.tensor1d([0.9, 0.1]),
      inputs().logits,
    ]);
    toPrediction!.dataSync().forEach((g, i) => expect(g).toBeCloseTo([0.9, 0.1][i]! - measured[i]!, 6));
    expect(toLogits!.dataSync().every((g) => g === 0)).toBe(true);
  });
});

describe("an objective", () => {
  it("needs a term that counts, and the boundary loss needs edges", async () => {
    await tf.setBackend("cpu");
    const masks = { logits: tf.tensor(logits, shape), targets: tf.tensor(targets, shape) };
    const of = (loss: Loss) => () => maskLoss(loss, { ...masks, valid: tf.tensor(valid, shape) });
    expect(of({ dice: 0 })).toThrow("at least one term");
    expect(of({ boundary: 1 })).toThrow("edges");
  });
});
