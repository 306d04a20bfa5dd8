import { setImmediate as nextTurn } from "node:timers/promises";
import ort, { type Tensor } from "../../lib/onnxruntime.ts";
import { headParts, type PointHead } from "../../imaging/points/head.ts";
import { float32 } from "../../inference/workers/session.ts";
import { pointFeatureCount } from "../../model/refine/point-features.ts";
import { recordedStepOnnx, runStep, startFeeds } from "../engine/recorded-step.ts";
import { randomFor } from "../data/samples.ts";
import { learningRateAt } from "../loop/schedule.ts";
import { headStep, trainedParts, weightDecay } from "./head-step.ts";
import { joined, type PointSet, standards } from "./point-set.ts";

/**
 * Held-out IoU of stamps and nuclei hardly differs from 24 to 32 units and from 3 to 6 epochs; with 16 units the stamps
 * lost .03.
 */
const hidden = 24;
const epochs = 4;
/** Where the pixels are few, batches are smaller, so that an epoch has enough steps. */
const [largestBatch, smallestBatch, stepsWanted] = [1024, 64, 75];
/** On held-out stamps three seeds gave .768, .770 and .765; with 3e-3 the same gave .649, .754 and .725. */
const learningRate = 1e-2;

/**
 * A point head that brings these pixels' logits nearest to the truth: weighted cross-entropy by AdamW, its step recorded
 * (head-step.ts) and run by onnxruntime on one thread. The same sets and seed give the same head, bit for bit. The event
 * loop gets a turn after every step, of 1024 pixels at most.
 */
export async function fitHead(
  sets: readonly PointSet[],
  { seed, signal }: { seed: number; signal: AbortSignal },
): Promise<PointHead> {
  const points = joined(sets);
  const random = randomFor(seed, "point head");
  const uniform = (count: number, inputs: number): Float32Array => {
    const most = 1 / Math.sqrt(inputs);
    return Float32Array.from({ length: count }, () => (2 * random.next() - 1) * most);
  };
  const zeros = Object.fromEntries(headParts(hidden).map(([part, count]) => [part, new Float32Array(count)]));
  // It begins as nothing added at all.
  const head = {
    ...(zeros as unknown as Omit<PointHead, "hidden">),
    ...standards(points),
    w1: uniform(pointFeatureCount * hidden, pointFeatureCount),
    w2: uniform(hidden * hidden, hidden),
  };
  const step = headStep(hidden);
  const feeds = startFeeds(step, head);

  const batch = Math.max(smallestBatch, Math.min(largestBatch, Math.ceil(points.count / stepsWanted)));
  const totalSteps = epochs * Math.ceil(points.count / batch);
  const rates = { learningRate, totalSteps, warmupSteps: Math.floor(totalSteps / 10) };
  const session = await ort.InferenceSession.create(recordedStepOnnx(step), { intraOpNumThreads: 1 });
  try {
    for (let at = 0; at < totalSteps;) {
      const order = random.shuffle(Array.from({ length: points.count }, (_, i) => i));
      for (let from = 0; from < order.length; from += batch, at++) {
        signal.throwIfAborted();
        const pixels = pixelFeeds(points, order.slice(from, from + batch));
        await runStep(session, feeds, pixels, {
          step: at,
          learningRate: learningRateAt(rates, at),
          weightDecay,
        });
        await nextTurn();
      }
    }
  } finally {
    await session.release();
  }
  const trained = Object.fromEntries(trainedParts.map((part) => [part, feeds[part]?.data as Float32Array]));
  return { hidden, ...head, ...trained };
}

/** Some pixels of a set, by a step graph's inputs. */
export function pixelFeeds(points: PointSet, chosen: readonly number[]): Record<string, Tensor> {
  const features = new Float32Array(chosen.length * pointFeatureCount);
  for (const [k, i] of chosen.entries()) {
    const from = i * pointFeatureCount;
    features.set(points.features.subarray(from, from + pointFeatureCount), k * pointFeatureCount);
  }
  const some = (values: Float32Array): Tensor =>
    float32(
      Float32Array.from(chosen, (i) => values[i] as number),
      [chosen.length],
    );
  return {
    features: float32(features, [chosen.length, pointFeatureCount]),
    logits: some(points.logits),
    truths: some(points.truths),
    weights: some(points.weights),
  };
}
