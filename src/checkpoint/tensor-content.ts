import { Readable } from "node:stream";
import type { NamedTensors } from "./named-tensors.ts";
import { safetensorsHeader } from "./safetensors.ts";

/** A tensor to be written: its values, or how to read them (little-endian float32, row-major) when their turn comes. */
export interface TensorContent {
  readonly name: string;
  readonly shape: readonly number[];
  readonly content: Uint8Array | (() => Readable);
}

/** Tensors in memory, without a copy. */
export const contentsOf = (tensors: NamedTensors): TensorContent[] =>
  Object.entries(tensors).map(([name, { shape, data }]) => ({
    name,
    shape,
    content: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  }));

/** A safetensors file of tensors that need not fit into memory, in this order. */
export function safetensorsStream(
  tensors: readonly TensorContent[],
  metadata: Readonly<Record<string, string>> = {},
): Readable {
  const bytesOf = (shape: readonly number[]): number => 4 * shape.reduce((a, b) => a * b, 1);
  async function* parts(): AsyncGenerator<Uint8Array> {
    yield safetensorsHeader(
      tensors.map(({ name, shape }) => ({ name, shape, bytes: bytesOf(shape) })),
      metadata,
    );
    for (const { content } of tensors) {
      if (typeof content === "function") yield* content() as AsyncIterable<Uint8Array>;
      else yield content;
    }
  }
  return Readable.from(parts(), { objectMode: false });
}
