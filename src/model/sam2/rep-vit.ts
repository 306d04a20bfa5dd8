import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { hasSqueeze, type RepVitArchitecture, repVitTrunk } from "../../checkpoint/rep-vit-layout.ts";
import { gelu } from "../layers.ts";
import { channelsLast, convNorm, convolve, foldedNorm } from "../tiny-vit/conv-norm.ts";
import { weight, type Weights } from "../types.ts";
import type { StageTokens } from "./hiera.ts";

/**
 * EdgeTAM's trunk, a RepViT (timm: models/repvit.py, class RepVit, legacy): pixels [1, 3, S, S], S = 16 * grid, to the
 * tokens at the end of each stage, 4, 2, 1 and 1/2 of `grid` wide, each stage as one window. Channels are first inside.
 */
export function repVit(pixels: Tensor, weights: Weights, { blocks }: RepVitArchitecture): StageTokens[] {
  const stem = gelu(convNorm(pixels, weights, `${repVitTrunk}.stem.conv1`, { stride: 2 }));
  let plane = convNorm(stem, weights, `${repVitTrunk}.stem.conv2`, { stride: 2 });
  return blocks.map((count, stage): StageTokens => {
    const name = `${repVitTrunk}.stages_${stage}`;
    if (stage > 0) plane = downsample(plane, weights, `${name}.downsample`);
    for (let i = 0; i < count; i++) plane = block(plane, weights, `${name}.blocks.${i}`, hasSqueeze(i));
    return { tokens: channelsLast(plane), grid: plane.shape[2] ?? 0 };
  });
}

/** Tokens are mixed by place, then by channel; plane [1, C, h, w]. */
function block(plane: Tensor, weights: Weights, name: string, squeezes: boolean): Tensor {
  const mixed = mixTokens(plane, weights, `${name}.token_mixer`);
  const y = squeezes ? tf.mul(mixed, excitation(mixed, weights, `${name}.se`)) : mixed;
  return tf.add(y, mlp(y, weights, `${name}.channel_mixer`));
}

/** Two convolutions of each channel and what came in, as one convolution (RepVggDw.fuse), exact up to rounding. */
function mixTokens(plane: Tensor, weights: Weights, name: string): Tensor {
  const [wide, narrow] = [foldedNorm(weights, `${name}.conv`), foldedNorm(weights, `${name}.conv1`)];
  const edge: [number, number] = [1, 1];
  const centre = tf.pad(tf.add<tf.Tensor4D>(narrow.kernel, 1), [[0, 0], [0, 0], edge, edge]);
  const kernel = tf.add(wide.kernel, centre);
  return convolve(plane, { kernel, bias: tf.add(wide.bias, narrow.bias) }, { depthwise: true });
}

/** Squeeze and excitation: a factor for each channel, [1, C, 1, 1], by the means of all. */
function excitation(plane: Tensor, weights: Weights, name: string): Tensor {
  const [, channels = 0] = plane.shape;
  const layer = (x: Tensor, part: string): Tensor => {
    const kernel = weight(weights, `${name}.${part}.weight`);
    const matrix = tf.reshape<tf.Rank.R2>(kernel, [kernel.shape[0] ?? 0, kernel.shape[1] ?? 0]);
    const product = tf.matMul(x, matrix, false, true);
    return tf.add(product, weight(weights, `${name}.${part}.bias`));
  };
  const means = tf.reshape(tf.mean(plane, [2, 3]), [1, channels]);
  return tf.reshape(tf.sigmoid(layer(tf.relu(layer(means, "fc1")), "fc2")), [1, channels, 1, 1]);
}

/** Two convolutions of kernel 1 with GELU between them. */
const mlp = (plane: Tensor, weights: Weights, name: string): Tensor =>
  convNorm(gelu(convNorm(plane, weights, `${name}.conv1`)), weights, `${name}.conv2`);

/** [1, C, h, w] to [1, D, h / 2, w / 2]. */
function downsample(plane: Tensor, weights: Weights, name: string): Tensor {
  const before = block(plane, weights, `${name}.pre_block`, false);
  const half = convNorm(before, weights, `${name}.spatial_downsample`, { stride: 2, depthwise: true });
  const y = convNorm(half, weights, `${name}.channel_downsample`);
  return tf.add(y, mlp(y, weights, `${name}.ffn`));
}
