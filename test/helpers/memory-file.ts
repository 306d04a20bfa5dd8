import type { NamedTensor, NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import type { TensorFile } from "../../src/checkpoint/tensor-file.ts";

/** Tensors as an open file; each reading is a copy, as of a file. */
export const memoryFile = (tensors: NamedTensors): TensorFile => ({
  format: "safetensors",
  shapes: new Map(Object.entries(tensors).map(([name, { shape }]) => [name, shape])),
  unread: new Map(),
  read: (name) => Promise.resolve(Float32Array.from((tensors[name] as NamedTensor).data)),
  close: () => Promise.resolve(),
});
