import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { EncoderArchitecture } from "../checkpoint/encoder-layout.ts";
import { blockAttention } from "./image-encoder-attention.ts";
import { epsilon2d, gelu, layerNorm, linear, matMulLast } from "./layers.ts";
import { weight, type Weights } from "./types.ts";
import { fromWindows, toWindows } from "./windows.ts";

/** Side of a patch in pixels. */
const patchSide = 16;
/** Channels of the embedding. */
const embeddingChannels = 256;
/** Epsilon of the blocks' LayerNorms (segment-anything: build_sam.py). */
const epsilon = 1e-6;

/**
 * SAM's image encoder, a ViT with windows and relative positions (segment-anything: modeling/image_encoder.py).
 * pixels [1, 3, S, S] float32, S = 16 * grid, normalised and padded as SAM does (imaging/preprocess.ts), to the image
 * embedding [1, 256, grid, grid], channels first as Meta's. One image at a time.
 */
export function encodeImage(pixels: Tensor, weights: Weights, architecture: EncoderArchitecture): Tensor {
  return tf.tidy(() => {
    const { depth, grid } = architecture;
    let x = tf.add(patches(pixels, weights, grid), weight(weights, "image_encoder.pos_embed"));
    for (let i = 0; i < depth; i++) x = block(x, weights, architecture, i);
    return neck(x, weights, grid);
  });
}

/** Conv2d with kernel = stride = 16, as one product: patches touch no other. To [1, grid, grid, width]. */
function patches(pixels: Tensor, weights: Weights, grid: number): Tensor {
  const name = "image_encoder.patch_embed.proj";
  const kernel = weight(weights, `${name}.weight`); // [width, 3, 16, 16]
  const width = kernel.shape[0] ?? 0;
  const split = tf.reshape<tf.Rank.R5>(pixels, [3, grid, patchSide, grid, patchSide]);
  // A patch's values in the kernel's order: channel, row, column
  const rows = tf.reshape(tf.transpose(split, [1, 3, 0, 2, 4]), [grid * grid, 3 * patchSide * patchSide]);
  const matrix = tf.reshape(kernel, [width, 3 * patchSide * patchSide]);
  const product = matMulLast(rows, matrix, { transposed: true, bias: weight(weights, `${name}.bias`) });
  return tf.reshape(product, [1, grid, grid, width]);
}

/** x [1, grid, grid, width]: attention and MLP, each on normalised values and added to what came in. */
function block(x: Tensor, weights: Weights, architecture: EncoderArchitecture, index: number): Tensor {
  const { grid, window, heads, globalBlocks } = architecture;
  const name = `image_encoder.blocks.${index}`;
  const normal = layerNorm(x, weights, `${name}.norm1`, epsilon);
  const isGlobal = globalBlocks.includes(index);
  const attended = isGlobal
    ? blockAttention(normal, weights, `${name}.attn`, heads)
    : fromWindows(blockAttention(toWindows(normal, window), weights, `${name}.attn`, heads), grid);
  const y = tf.add(x, attended);
  const hidden = gelu(linear(layerNorm(y, weights, `${name}.norm2`, epsilon), weights, `${name}.mlp.lin1`));
  return tf.add(y, linear(hidden, weights, `${name}.mlp.lin2`));
}

/** Conv2d 1 x 1, LayerNorm2d, Conv2d 3 x 3, LayerNorm2d, no biases in the convolutions: tokens [1, grid, grid, C] to [1, 256, grid, grid]. */
export function neck(x: Tensor, weights: Weights, grid: number): Tensor {
  const name = "image_encoder.neck";
  const narrow = weight(weights, `${name}.0.weight`);
  const matrix = tf.reshape(narrow, [embeddingChannels, narrow.shape[1] ?? 0]);
  const first = layerNorm(matMulLast(x, matrix, { transposed: true }), weights, `${name}.1`, epsilon2d);
  const second = layerNorm(
    conv3x3(first, weight(weights, `${name}.2.weight`)),
    weights,
    `${name}.3`,
    epsilon2d,
  );
  const plane = tf.reshape<tf.Rank.R3>(second, [1, grid * grid, embeddingChannels]);
  return tf.reshape(tf.transpose(plane, [0, 2, 1]), [1, embeddingChannels, grid, grid]);
}

/** Conv2d with kernel 3 and padding 1: each cell's neighbourhood laid in one row, then one product. */
function conv3x3(x: Tensor, kernel: Tensor): Tensor {
  const [, rows = 0, columns = 0, inputs = 0] = x.shape;
  const outputs = kernel.shape[0] ?? 0;
  const padded = tf.pad(x as tf.Tensor4D, [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ]);
  const neighbours = [0, 1, 2].flatMap((row) =>
    [0, 1, 2].map((column) => tf.slice(padded, [0, row, column, 0], [1, rows, columns, inputs])),
  );
  // [out, in, row, column] -> [out, (row, column, in)], the order of the neighbours
  const matrix = tf.reshape(tf.transpose(kernel, [0, 2, 3, 1]), [outputs, 9 * inputs]);
  return matMulLast(tf.concat(neighbours, -1), matrix, { transposed: true });
}
