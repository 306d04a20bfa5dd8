import { gridCells } from "../../domain/finder-layout.ts";
import { fits, type ModelFamily } from "../../domain/model-family.ts";
import { frameSide, inputSize } from "../coordinates.ts";

const channels = 256;
const cell = frameSide / gridCells;
/** Blocks along each side of an image, and sums of channels that are kept of each, for its layout. */
const [blocks, sumsOfBlock] = [8, 4];

/**
 * What an image is known by, some numbers behind one another: the mean of every channel, which tells how far images lie apart;
 * then its layout of length 1, which tells whether two show the same. Means do not tell that: of stamps, a JPEG of quality 60
 * lay farther from its original than the next page.
 */
export const [meanLength, layoutLength] = [channels, blocks * blocks * sumsOfBlock] as const;
export const vectorLength = meanLength + layoutLength;

/**
 * Layouts that correlate by more show the same: copies as JPEG of quality 60, at half the size or cut by 3 % a side did by .89
 * to .997 on stamps and nuclei, different images of these by .92 at most, so the faintest copies are not told.
 */
export const sameLayout = 0.93;

/** Plus or minus 1 for each channel and sum: a random projection keeps distances. */
const signs = signsFrom(12345);

/** [512] float32 from an embedding [64, 64, 256], channels last; cells of the padding do not count. */
export function imageVector({
  family = "sam",
  data,
  width,
  height,
}: {
  family?: ModelFamily;
  data: Float32Array;
  width: number;
  height: number;
}): Float32Array {
  const [inputHeight, inputWidth] = inputSize([height, width], fits[family]);
  const [rows, columns] = [Math.ceil(inputHeight / cell), Math.ceil(inputWidth / cell)];
  const sums = new Float64Array(blocks * blocks * channels);
  const counts = new Float64Array(blocks * blocks);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const block = Math.floor((y * blocks) / rows) * blocks + Math.floor((x * blocks) / columns);
      counts[block] = (counts[block] as number) + 1;
      const from = (y * gridCells + x) * channels;
      const to = block * channels;
      for (let c = 0; c < channels; c++) sums[to + c] = (sums[to + c] as number) + (data[from + c] as number);
    }
  }
  const mean = new Float32Array(meanLength);
  for (let i = 0; i < sums.length; i++)
    mean[i % channels] = (mean[i % channels] as number) + (sums[i] as number) / (rows * columns);
  const layout = layoutOf(sums, counts, mean);
  const vector = new Float32Array(vectorLength);
  vector.set(mean);
  vector.set(layout, meanLength);
  return vector;
}

/** How each block differs from the mean, of length 1; all 0 for a blank image. */
function layoutOf(sums: Float64Array, counts: Float64Array, mean: Float32Array): Float64Array {
  const layout = new Float64Array(layoutLength);
  for (let block = 0; block < blocks * blocks; block++) {
    // Narrow images have blocks without a cell.
    const count = counts[block] as number;
    if (count === 0) continue;
    for (let c = 0; c < channels; c++) {
      const difference = (sums[block * channels + c] as number) / count - (mean[c] as number);
      for (let k = 0; k < sumsOfBlock; k++) {
        const at = block * sumsOfBlock + k;
        layout[at] = (layout[at] as number) + (signs[k * channels + c] as number) * difference;
      }
    }
  }
  const length = Math.sqrt(layout.reduce((sum, value) => sum + value * value, 0));
  return length > 1e-6 ? layout.map((value) => value / length) : layout;
}

/** A linear congruential generator's, so that they are the same everywhere and for ever: vectors are kept. */
function signsFrom(seed: number): Int8Array {
  let state = seed;
  return Int8Array.from({ length: channels * sumsOfBlock }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return ((state >>> 16) & 1) === 1 ? 1 : -1;
  });
}

/** Vectors as they are kept: float32 as this machine has it, which is little-endian wherever Node runs. */
export const toBytes = (vector: Float32Array): Uint8Array =>
  new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);

/** Null where the bytes are none. */
export function fromBytes(bytes: Uint8Array): Float32Array | null {
  if (bytes.byteLength !== 4 * vectorLength) return null;
  // What a database hands out may lie anywhere.
  return new Float32Array(bytes.slice().buffer);
}
