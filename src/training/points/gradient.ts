import { featureCount } from "../../imaging/points/features.ts";
import type { PointHead } from "../../imaging/points/head.ts";
import type { PointSet } from "./point-set.ts";

/** Slopes of the loss, of the shapes of the weights they belong to. */
export type HeadGradient = Record<"w1" | "b1" | "w2" | "b2" | "w3" | "b3", Float64Array>;

/**
 * Weighted mean cross-entropy of the logits after the head, over the pixels `chosen` of `points`, and its slopes. Written
 * by hand, as it is three products; a test holds it to finite differences.
 */
export function gradientOf(
  head: PointHead,
  points: PointSet,
  chosen: readonly number[],
): { loss: number; gradient: HeadGradient } {
  const { hidden } = head;
  const gradient: HeadGradient = {
    w1: new Float64Array(head.w1.length),
    b1: new Float64Array(hidden),
    w2: new Float64Array(head.w2.length),
    b2: new Float64Array(hidden),
    w3: new Float64Array(hidden),
    b3: new Float64Array(1),
  };
  let weight = 0;
  for (const i of chosen) weight += points.weights[i] as number;
  const layers: Layers = {
    input: new Float64Array(featureCount),
    first: new Float64Array(hidden),
    second: new Float64Array(hidden),
  };
  let loss = 0;
  for (const i of chosen) {
    const logit = (points.logits[i] as number) + forward(head, points, i, layers);
    const truth = points.truths[i] as number;
    const share = (points.weights[i] as number) / weight;
    // log(1 + e^x) - x t, without overflow.
    loss += share * (Math.max(0, logit) + Math.log1p(Math.exp(-Math.abs(logit))) - logit * truth);
    backward(head, layers, share * (1 / (1 + Math.exp(-logit)) - truth), gradient);
  }
  return { loss, gradient };
}

/** What one pixel makes of each layer, after ReLU. */
interface Layers {
  readonly input: Float64Array;
  readonly first: Float64Array;
  readonly second: Float64Array;
}

function forward(head: PointHead, points: PointSet, i: number, { input, first, second }: Layers): number {
  for (let f = 0; f < featureCount; f++) {
    const value = points.features[i * featureCount + f] as number;
    input[f] = (value - (head.mean[f] as number)) * (head.scale[f] as number);
  }
  layer(input, head.w1, head.b1, first);
  layer(first, head.w2, head.b2, second);
  let sum = head.b3[0] as number;
  for (let j = 0; j < head.hidden; j++) sum += (second[j] as number) * (head.w3[j] as number);
  return sum;
}

/** ReLU of inputs [n] by weights [n, m] and biases [m]. */
function layer(from: Float64Array, weights: Float32Array, biases: Float32Array, to: Float64Array): void {
  const width = to.length;
  to.set(biases);
  for (let n = 0, at = 0; n < from.length; n++) {
    const value = from[n] as number;
    if (value === 0) at += width;
    else for (let m = 0; m < width; m++, at++) to[m] = (to[m] as number) + value * (weights[at] as number);
  }
  for (let m = 0; m < width; m++) if ((to[m] as number) < 0) to[m] = 0;
}

/** Adds one pixel's slopes; `slope` is that of its logit. */
function backward(head: PointHead, { input, first, second }: Layers, slope: number, to: HeadGradient): void {
  const { hidden } = head;
  const atSecond = new Float64Array(hidden);
  to.b3[0] = (to.b3[0] as number) + slope;
  for (let j = 0; j < hidden; j++) {
    const value = second[j] as number;
    if (value <= 0) continue;
    to.w3[j] = (to.w3[j] as number) + slope * value;
    const own = slope * (head.w3[j] as number);
    atSecond[j] = own;
    to.b2[j] = (to.b2[j] as number) + own;
  }
  const atFirst = slopesOf(first, head.w2, { slopes: atSecond, weights: to.w2 });
  for (let h = 0; h < hidden; h++) {
    if ((first[h] as number) <= 0) atFirst[h] = 0;
    to.b1[h] = (to.b1[h] as number) + (atFirst[h] as number);
  }
  slopesOf(input, null, { slopes: atFirst, weights: to.w1 });
}

/** Adds a layer's weights' slopes, and gives those of what came in, where its weights are given. */
function slopesOf(
  came: Float64Array,
  weights: Float32Array | null,
  to: { slopes: Float64Array; weights: Float64Array },
): Float64Array {
  const width = to.slopes.length;
  const back = new Float64Array(weights ? came.length : 0);
  for (let n = 0, at = 0; n < came.length; n++) {
    const value = came[n] as number;
    let sum = 0;
    for (let m = 0; m < width; m++, at++) {
      const slope = to.slopes[m] as number;
      to.weights[at] = (to.weights[at] as number) + value * slope;
      if (weights) sum += slope * (weights[at] as number);
    }
    if (weights) back[n] = sum;
  }
  return back;
}
