import type { Tensor } from "../../lib/onnxruntime.ts";
import { LRUCache } from "lru-cache";
import type { PackedTensor, PackedWeights } from "./packed-weights.ts";
import { float32 } from "../workers/session.ts";

/** Tensors over the shared memory, kept so that 137 of them are not made for every call. */
const tensorCache = new LRUCache<string, Record<string, Tensor>>({ max: 16 });

export function weightTensors({ id, buffer, layout }: PackedWeights): Record<string, Tensor> {
  const cached = tensorCache.get(id);
  if (cached) return cached;
  const made = Object.fromEntries(
    (JSON.parse(layout) as PackedTensor[]).map(({ name, shape, offset }) => {
      const length = shape.reduce((a, b) => a * b, 1);
      return [name, float32(new Float32Array(buffer, offset, length), shape)];
    }),
  );
  tensorCache.set(id, made);
  return made;
}

/** A graph's inputs by name: `own` ones, and the task's weights. Throws an Error where one is missing. */
export function fed(
  names: readonly string[],
  { weights }: { readonly weights: PackedWeights },
  own: Readonly<Record<string, Tensor>>,
): Record<string, Tensor> {
  const tensors = weightTensors(weights);
  return Object.fromEntries(names.map((name) => [name, own[name] ?? required(tensors, name)]));
}

/** Throws an Error where the tensor is missing. */
export function required(weights: Record<string, Tensor>, name: string): Tensor {
  const tensor = weights[name];
  if (!tensor) throw new Error(`the graph wants ${name}, which the weights don't have`);
  return tensor;
}

/** Throws an Error where it is not so many float32 values. */
export function values(tensor: Tensor | undefined, length: number): Float32Array {
  const data = tensor?.data;
  if (data instanceof Float32Array && data.length === length) return data;
  throw new Error("the decoder graph's outputs are not those of its manifest");
}
