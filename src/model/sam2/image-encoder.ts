import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { HieraArchitecture } from "../../checkpoint/hiera-layout.ts";
import type { RepVitArchitecture } from "../../checkpoint/rep-vit-layout.ts";
import { matMulLast } from "../layers.ts";
import { weight, type Weights } from "../types.ts";
import { fromWindows } from "../windows.ts";
import { hiera, type StageTokens } from "./hiera.ts";
import { repVit } from "./rep-vit.ts";

const neck = "image_encoder.neck.convs";
const decoder = "sam_mask_decoder";

/**
 * SAM 2's image encoder (sam2: modeling/backbones/image_encoder.py, ImageEncoder and FpnNeck; sam2_base.py,
 * forward_image), with a Hiera or, as EdgeTAM has it, a RepViT for a trunk. pixels [1, 3, S, S] float32, S = 16 * grid, normalised, stretched to a square and not padded, to
 * [1, L]: the image embedding [256, grid, grid] with the embedding of no memory added to it, then the high-resolution
 * features [32, 4 * grid, 4 * grid] and [64, 2 * grid, 2 * grid], each channels first as Meta's.
 */
export function encodeImage(
  pixels: Tensor,
  weights: Weights,
  architecture: HieraArchitecture | RepVitArchitecture,
): Tensor {
  return tf.tidy(() => {
    const stages =
      "stages" in architecture ? hiera(pixels, weights, architecture) : repVit(pixels, weights, architecture);
    const [finest, finer, middle, coarse] = stages as [StageTokens, StageTokens, StageTokens, StageTokens];
    const parts = [
      imageEmbedding(middle, coarse, weights),
      highResolution(finest, weights, 3, "conv_s0"),
      highResolution(finer, weights, 2, "conv_s1"),
    ];
    return tf.concat(
      parts.map((part) => tf.reshape(part, [1, part.size])),
      1,
    );
  });
}

/** The third stage's features and, each four times, the last one's: [256, grid, grid]. */
function imageEmbedding(middle: StageTokens, coarse: StageTokens, weights: Weights): Tensor {
  const { grid } = middle;
  const half = grid / 2;
  const above = lateral(coarse, weights, 0);
  const channels = above.shape[3] ?? 0;
  const bias = tf.add(
    weight(weights, `${neck}.1.conv.bias`),
    tf.reshape(weight(weights, "no_mem_embed"), [channels]),
  );
  const own = tf.reshape<tf.Rank.R5>(lateral(middle, weights, 1, bias), [half, 2, half, 2, channels]);
  const sum = tf.add(own, tf.reshape(above, [half, 1, half, 1, channels]));
  return tf.transpose(tf.reshape<tf.Rank.R2>(sum, [grid * grid, channels]), [1, 0]);
}

/** The neck's Conv2d of kernel 1: [1, grid, grid, 256]. */
function lateral({ tokens, grid }: StageTokens, weights: Weights, level: number, bias?: Tensor): Tensor {
  const product = matMulLast(tokens, matrixOf(weights, `${neck}.${level}.conv`), {
    transposed: true,
    bias: bias ?? weight(weights, `${neck}.${level}.conv.bias`),
  });
  return fromWindows(product, grid);
}

/**
 * The neck's Conv2d and the decoder's after it, both of kernel 1, as one product, which is exact up to rounding.
 * To [C, grid, grid].
 */
function highResolution(
  { tokens, grid }: StageTokens,
  weights: Weights,
  level: number,
  conv: string,
): Tensor {
  const second = matrixOf(weights, `${decoder}.${conv}`); // [C, 256]
  const channels = second.shape[0] ?? 0;
  const matrix = tf.matMul(second, matrixOf(weights, `${neck}.${level}.conv`));
  const carried = tf.matMul(second, tf.reshape(weight(weights, `${neck}.${level}.conv.bias`), [-1, 1]));
  const bias = tf.add(carried, tf.reshape(weight(weights, `${decoder}.${conv}.bias`), [channels, 1]));
  const [windows = 0, side = 0, , inputs = 0] = tokens.shape;
  const rows = tf.reshape<tf.Rank.R2>(tokens, [windows * side * side, inputs]);
  // Channels come first by the order of the product
  const product = tf.add(tf.matMul(matrix, rows, false, true), bias);
  const count = grid / side;
  const split = tf.reshape<tf.Rank.R5>(product, [channels, count, count, side, side]);
  return tf.reshape(tf.transpose(split, [0, 1, 3, 2, 4]), [channels, grid, grid]);
}

/** The weight of a Conv2d of kernel 1 as [out, in]. */
function matrixOf(weights: Weights, name: string): tf.Tensor2D {
  const kernel = weight(weights, `${name}.weight`);
  return tf.reshape<tf.Rank.R2>(kernel, [kernel.shape[0] ?? 0, kernel.shape[1] ?? 0]);
}
