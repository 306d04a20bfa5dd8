import type { EncoderArchitecture } from "../../src/checkpoint/encoder-layout.ts";
import type { HieraArchitecture } from "../../src/checkpoint/hiera-layout.ts";
import { type ImageEncoder, imageEncoderLayout } from "../../src/checkpoint/image-encoders.ts";
import type { RepVitArchitecture } from "../../src/checkpoint/rep-vit-layout.ts";
import type { NamedTensor, NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { lcgBytes } from "./lcg.ts";

/** `centre` and up to `scale` away from it. The twin of made_up in peers/reference/made_up.py. */
export function madeUp(shape: readonly number[], seed: number, scale: number, centre = 0): NamedTensor {
  const count = shape.reduce((a, b) => a * b, 1);
  const values = Float32Array.from({ length: 256 }, (_, byte) => centre + ((byte - 127.5) / 127.5) * scale);
  const bytes = lcgBytes(count, seed);
  const data = new Float32Array(count);
  for (let i = 0; i < count; i++) data[i] = values[bytes[i] as number] as number;
  return { shape, data };
}

/** An image encoder's weights by Meta's names, made up as peers/reference/made_up.py does. */
export function madeUpEncoder(encoder: ImageEncoder): NamedTensors {
  const weight = ([name, shape]: [string, readonly number[]], index: number): [string, NamedTensor] => {
    const seed = index + 1;
    if (shape.length === 1)
      return [name, madeUp(shape, seed, 0.3, /(weight|running_var)$/.test(name) ? 1 : 0)];
    if (name.includes("pos")) return [name, madeUp(shape, seed, 0.5)];
    // A RepViT's branches are added with no norm after them, and would grow from block to block
    const gain = /\.(token_mixer|channel_mixer|ffn)\./.test(name) ? 0.5 : 1.7;
    return [name, madeUp(shape, seed, gain / Math.sqrt(shape.slice(1).reduce((a, b) => a * b, 1)))];
  };
  return Object.fromEntries(Object.entries(imageEncoderLayout(encoder)).map(weight));
}

/** SAM's frame and embedding, but two narrow blocks: one with windows, one that sees all. */
export const tinyArchitecture: EncoderArchitecture = {
  depth: 2,
  width: 32,
  heads: 2,
  globalBlocks: [1],
  window: 14,
  grid: 64,
};

/** EdgeTAM's frame and embedding, but narrow, with one block a stage. */
export const tinyRepVit: RepVitArchitecture = { channels: [8, 16, 24, 32], blocks: [1, 1, 1, 1], grid: 64 };

/** SAM 2's frame and embedding, but narrow, with one block a stage and another in the third, which sees all. */
export const tinyHiera: HieraArchitecture = {
  stages: [1, 1, 2, 1],
  width: 8,
  heads: 1,
  windows: [8, 4, 14, 7],
  globalBlocks: [3],
  background: 7,
  grid: 64,
};
