import type { Fit } from "../../domain/model-family.ts";
import { gridCells } from "../../domain/finder-layout.ts";
import { frameSide, inputSize } from "../coordinates.ts";
import { eachColumnRun } from "../mask-facts.ts";
import type { RleMask, Size } from "../types.ts";

const channels = 256;
const cellPixels = frameSide / gridCells;

/**
 * An image's embedding, ready to be compared: what all its cells have in common is taken off, since it says what kind of
 * image this is and would make every cell alike.
 */
export interface Compared {
  /** [64, 64, 256] float32, channels last, the mean of the cells that lie on the image taken off. */
  readonly centred: Float32Array;
  /** [64, 64] float32, each cell's length; 0 on the padding. */
  readonly lengths: Float32Array;
  /** [height, width] of the image, pixels. */
  readonly size: Size;
  readonly fit: Fit;
  /** Cells that lie on the image. */
  readonly rows: number;
  readonly columns: number;
}

/** `embedding` [64, 64, 256] float32, channels last, whatever lies behind that, of an image of `size` [height, width] pixels. */
export function compared(embedding: Float32Array, size: Size, fit: Fit = "padded"): Compared {
  const [rows, columns] = inputSize(size, fit).map((side) => Math.ceil(side / cellPixels)) as [
    number,
    number,
  ];
  const mean = new Float64Array(channels);
  const onImage = function* (): Generator<number> {
    for (let y = 0; y < rows; y++) for (let x = 0; x < columns; x++) yield y * gridCells + x;
  };
  for (const cell of onImage())
    for (let c = 0; c < channels; c++)
      mean[c] = (mean[c] as number) + (embedding[cell * channels + c] as number);
  for (let c = 0; c < channels; c++) mean[c] = (mean[c] as number) / (rows * columns);
  const centred = new Float32Array(gridCells * gridCells * channels);
  const lengths = new Float32Array(gridCells * gridCells);
  for (const cell of onImage()) {
    let square = 0;
    for (let c = 0, at = cell * channels; c < channels; c++, at++) {
      const value = (embedding[at] as number) - (mean[c] as number);
      centred[at] = value;
      square += value * value;
    }
    lengths[cell] = Math.sqrt(square);
  }
  return { centred, lengths, size, fit, rows, columns };
}

/** Cells of which a mask covers less count only where it covers no cell by more. */
const mostlyCovered = 0.5;
const nearlyMost = 0.75;

/**
 * The mean of the cells that a mask covers, weighted by how much of each, at length 1: [256] float32. Null for a mask without
 * a pixel. Throws AppError mask_rle_invalid.
 */
export function pooled(
  mask: RleMask,
  { centred, fit }: Pick<Compared, "centred" | "fit">,
): Float32Array | null {
  const shares = coverage(mask, fit);
  const most = shares.reduce((max, share) => Math.max(max, share), 0);
  if (most === 0) return null;
  const least = Math.min(mostlyCovered, nearlyMost * most);
  const sum = new Float32Array(channels);
  for (const [cell, share] of shares.entries()) {
    if (share < least) continue;
    for (let c = 0, at = cell * channels; c < channels; c++, at++)
      sum[c] = (sum[c] as number) + share * (centred[at] as number);
  }
  const length = Math.hypot(...sum);
  return length === 0 ? null : sum.map((value) => value / length);
}

/** The share of each cell that a mask covers, [64, 64] in [0, 1]. */
function coverage(mask: RleMask, fit: Fit): Float32Array {
  const [height, width] = mask.size;
  const [inputHeight, inputWidth] = inputSize(mask.size, fit);
  const [across, down] = [inputWidth / width / cellPixels, inputHeight / height / cellPixels];
  const shares = new Float32Array(gridCells * gridCells);
  eachColumnRun(mask, (x, from, to) => {
    const [left, right] = [x * across, (x + 1) * across];
    const [top, bottom] = [from * down, to * down];
    for (let row = Math.floor(top); row < Math.min(gridCells, bottom); row++) {
      const tall = Math.min(bottom, row + 1) - Math.max(top, row);
      for (let column = Math.floor(left); column < Math.min(gridCells, right); column++) {
        const wide = Math.min(right, column + 1) - Math.max(left, column);
        const at = row * gridCells + column;
        shares[at] = (shares[at] as number) + wide * tall;
      }
    }
  });
  return shares;
}

/** The cosine of each cell with a vector of length 1, [64, 64] in [-1, 1]; -1 on the padding. */
export function similarity(
  vector: Float32Array,
  { centred, lengths, rows, columns }: Compared,
): Float32Array {
  const out = new Float32Array(gridCells * gridCells).fill(-1);
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const cell = y * gridCells + x;
      let product = 0;
      for (let c = 0, at = cell * channels; c < channels; c++, at++)
        product += (vector[c] as number) * (centred[at] as number);
      const length = lengths[cell] as number;
      out[cell] = length === 0 ? -1 : product / length;
    }
  }
  return out;
}

/** What an object is to be like. */
export interface Exemplar {
  /** What its cells have in common, length 1. */
  readonly vector: Float32Array;
  /** Pixels of its mask, and [width, height] of its box. */
  readonly area: number;
  readonly sides: readonly [number, number];
}

/**
 * What several have in common: the mean of their vectors, at length 1, and of the logarithms of their sizes. Null where there
 * is none, or where their vectors cancel out.
 */
export function joined(exemplars: readonly Exemplar[]): Exemplar | null {
  const sum = new Float32Array(channels);
  for (const { vector } of exemplars)
    for (let c = 0; c < channels; c++) sum[c] = (sum[c] as number) + (vector[c] as number);
  const length = Math.hypot(...sum);
  if (length === 0) return null;
  const middle = (of: (exemplar: Exemplar) => number): number =>
    Math.exp(exemplars.reduce((all, one) => all + Math.log(of(one)), 0) / exemplars.length);
  return {
    vector: sum.map((value) => value / length),
    area: middle(({ area }) => area),
    sides: [middle(({ sides }) => sides[0]), middle(({ sides }) => sides[1])],
  };
}

/**
 * How much a mask is like the exemplar, in [0, 1]: the cosine of what their cells show, less where one is larger than the
 * other. Pixels of both images count the same.
 */
export function likeness(mask: RleMask, area: number, exemplar: Exemplar, image: Compared): number {
  const vector = pooled(mask, image);
  if (!vector || area === 0) return 0;
  const cosine = vector.reduce((sum, value, c) => sum + value * (exemplar.vector[c] as number), 0);
  return Math.max(0, cosine) * Math.exp(-sizeWeight * Math.abs(Math.log(area / exemplar.area)));
}

/** Twice or half the area leaves .78 of a likeness. */
const sizeWeight = 0.35;
