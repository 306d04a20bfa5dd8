import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { matMulLast } from "../layers.ts";
import { weight, type Weights } from "../types.ts";

const name = "image_encoder.trunk";
/** Pixels from one patch to the next; a patch is 7 wide and begins 3 before its place. */
const [stride, kernelSide, before] = [4, 7, 3];

/**
 * Conv2d with kernel 7, stride 4 and padding 3 (sam2: modeling/backbones/utils.py, PatchEmbed), as one product: a patch
 * lies in 2 x 2 blocks of 4 x 4 pixels, with one row and one column too many, which the kernel meets with zeros.
 * pixels [1, 3, 4 * grid, 4 * grid] to [1, grid, grid, width].
 */
export function hieraPatches(pixels: Tensor, weights: Weights, grid: number): Tensor {
  const kernel = weight(weights, `${name}.patch_embed.proj.weight`); // [width, 3, 7, 7]
  const width = kernel.shape[0] ?? 0;
  const blocks = grid + 1;
  const edge: [number, number] = [before, stride - before];
  const padded = tf.pad(tf.reshape<tf.Rank.R3>(pixels, [3, stride * grid, stride * grid]), [
    [0, 0],
    edge,
    edge,
  ]);
  const split = tf.reshape<tf.Rank.R5>(padded, [3, blocks, stride, blocks, stride]);
  const length = 3 * stride * stride;
  const pixelsOf = tf.reshape<tf.Rank.R3>(tf.transpose(split, [1, 3, 0, 2, 4]), [blocks, blocks, length]);
  const neighbours = [0, 1].flatMap((row) =>
    [0, 1].map((column) => tf.slice(pixelsOf, [row, column, 0], [grid, grid, length])),
  );
  const more: [number, number] = [0, 2 * stride - kernelSide];
  const whole = tf.pad(kernel as tf.Tensor4D, [[0, 0], [0, 0], more, more]);
  const parts = tf.reshape<tf.Rank.R6>(whole, [width, 3, 2, stride, 2, stride]);
  // A row's order: block, then channel and pixel in it
  const matrix = tf.reshape(tf.transpose(parts, [0, 2, 4, 1, 3, 5]), [width, 4 * length]);
  const bias = weight(weights, `${name}.patch_embed.proj.bias`);
  const product = matMulLast(tf.concat(neighbours, -1), matrix, { transposed: true, bias });
  return tf.reshape(product, [1, grid, grid, width]);
}

/**
 * What is added to each patch for its place (hieradet.py, _get_pos_embed): one embedding stretched over the image by
 * bicubic interpolation, and one laid side by side. Both [1, width, side, side]; to [1, grid, grid, width].
 */
export function patchPositions(weights: Weights, grid: number): Tensor {
  const stretched = weight(weights, `${name}.pos_embed`);
  const tile = weight(weights, `${name}.pos_embed_window`);
  const spread = (table: Tensor, matrix: Tensor): Tensor => {
    const [, width = 0, side = 0] = table.shape;
    const columns = tf.reshape(tf.transpose(table as tf.Tensor4D, [0, 2, 3, 1]), [side, side * width]);
    const rows = tf.reshape<tf.Rank.R3>(tf.matMul(matrix, columns), [grid, side, width]);
    const turned = tf.reshape(tf.transpose(rows, [1, 0, 2]), [side, grid * width]);
    const both = tf.reshape<tf.Rank.R3>(tf.matMul(matrix, turned), [grid, grid, width]);
    return tf.reshape(tf.transpose(both, [1, 0, 2]), [1, grid, grid, width]);
  };
  return tf.add(
    spread(stretched, bicubicMatrix(grid, stretched.shape[2] ?? 0)),
    spread(tile, repeatMatrix(grid, tile.shape[2] ?? 0)),
  );
}

/** [to, from]: PyTorch's bicubic interpolation with half-pixel centres along one axis, its edge repeated. */
function bicubicMatrix(to: number, from: number): Tensor {
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) {
    const place = ((i + 0.5) * from) / to - 0.5;
    const first = Math.floor(place);
    for (let tap = -1; tap <= 2; tap++) {
      const source = Math.min(Math.max(first + tap, 0), from - 1);
      const at = i * from + source;
      matrix[at] = (matrix[at] as number) + cubic(Math.abs(place - first - tap));
    }
  }
  return tf.tensor2d(matrix, [to, from]);
}

/** The cubic convolution's weight at a distance below 2 (PyTorch: UpSample.h, A = -0.75). */
function cubic(x: number): number {
  const a = -0.75;
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

/** [to, from]: row i takes entry i modulo `from`. */
function repeatMatrix(to: number, from: number): Tensor {
  const matrix = new Float32Array(to * from);
  for (let i = 0; i < to; i++) matrix[i * from + (i % from)] = 1;
  return tf.tensor2d(matrix, [to, from]);
}
