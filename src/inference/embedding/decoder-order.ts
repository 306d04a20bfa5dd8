import { embeddingLength, embeddingParts, type ModelFamily } from "../../domain/model-family.ts";

/** Side of the image tokens' grid. */
const grid = 64;

/**
 * A flat embedding as the decoder takes it, from channels first to channels last, on shared memory. Parts keep their
 * places (domain/model-family.ts): image tokens [4096, 256] row by row, then SAM 2's high-resolution features by the token
 * that they belong to, [4096, 4 x 4 cells, 32] and [4096, 2 x 2 cells, 64]. Cells of 4 x 4 go by blocks of 2 x 2, as
 * model/layers.ts' planeToCells lays them.
 */
export function decoderOrder(from: Float32Array, family: ModelFamily): Float32Array {
  if (from.length !== embeddingLength(family))
    throw new Error(`${from.length} floats are no embedding of ${family}`);
  const to = new Float32Array(new SharedArrayBuffer(from.byteLength));
  for (const { offset, shape } of embeddingParts[family]) {
    const [channels, rows, columns] = shape;
    const plane = rows * columns;
    const pixels = pixelsInOrder(rows / grid);
    for (let row = 0, at = offset; row < plane; row++) {
      let source = offset + (pixels[row] as number);
      for (let c = 0; c < channels; c++, at++, source += plane) to[at] = from[source] as number;
    }
  }
  return to;
}

/** The way back: as the encoder gave it. */
export function encoderOrder(from: Float32Array, family: ModelFamily): Float32Array<ArrayBuffer> {
  const to = new Float32Array(from.length);
  for (const { offset, shape } of embeddingParts[family]) {
    const [channels, rows, columns] = shape;
    const plane = rows * columns;
    const pixels = pixelsInOrder(rows / grid);
    for (let row = 0, at = offset; row < plane; row++) {
      let target = offset + (pixels[row] as number);
      for (let c = 0; c < channels; c++, at++, target += plane) to[target] = from[at] as number;
    }
  }
  return to;
}

/** The pixel of each cell, for planes of `unit` x `unit` cells a token. */
function pixelsInOrder(unit: number): Int32Array {
  const side = grid * unit;
  const out = new Int32Array(side * side);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      let cell = 0;
      // From the largest blocks to the smallest: a bit of y, then one of x
      for (let bit = unit >> 1; bit > 0; bit >>= 1) cell = 4 * cell + 2 * bitOf(y, bit) + bitOf(x, bit);
      const token = Math.floor(y / unit) * grid + Math.floor(x / unit);
      out[token * unit * unit + cell] = y * side + x;
    }
  }
  return out;
}

const bitOf = (value: number, bit: number): 0 | 1 => ((value & bit) === 0 ? 0 : 1);
