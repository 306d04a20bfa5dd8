import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { gelu } from "../layers.ts";
import { weight, type Weights } from "../types.ts";

/** Epsilon of BatchNorm2d. */
const epsilon = 1e-5;

/**
 * Conv2d without bias and the BatchNorm2d after it as it is served, as one convolution (MobileSAM: tiny_vit_sam.py,
 * Conv2d_BN.fuse). x [1, in, h, w] to [1, out, h / stride, w / stride]; a kernel of 3 is padded by 1. `depthwise`: each
 * channel by itself.
 */
export const convNorm = (
  x: Tensor,
  weights: Weights,
  name: string,
  options: { stride?: number; depthwise?: boolean } = {},
): Tensor => convolve(x, foldedNorm(weights, name), options);

/** The convolution that a Conv2d without bias and the BatchNorm2d after it are: kernel [out, in, k, k], bias [out]. */
export function foldedNorm(weights: Weights, name: string): { kernel: Tensor; bias: Tensor } {
  const of = (part: string): Tensor => weight(weights, `${name}.${part}`);
  const scale = tf.mul(of("bn.weight"), tf.rsqrt(tf.add(of("bn.running_var"), epsilon)));
  const [outputs = 0] = of("c.weight").shape;
  return {
    kernel: tf.mul(of("c.weight"), tf.reshape(scale, [outputs, 1, 1, 1])),
    bias: tf.sub(of("bn.bias"), tf.mul(of("bn.running_mean"), scale)),
  };
}

/** nn.Conv2d on planes [1, in, h, w]; a kernel of 3 is padded by 1. `depthwise`: each channel by itself. */
export function convolve(
  x: Tensor,
  { kernel, bias }: { kernel: Tensor; bias: Tensor },
  { stride = 1, depthwise = false }: { stride?: number; depthwise?: boolean } = {},
): Tensor {
  const [outputs = 0, , side = 0] = kernel.shape;
  const pad = (side - 1) / 2;
  const y = depthwise
    ? tf.depthwiseConv2d(
        x as tf.Tensor4D,
        tf.transpose(kernel as tf.Tensor4D, [2, 3, 0, 1]),
        stride,
        pad,
        "NCHW",
      )
    : tf.conv2d(x as tf.Tensor4D, tf.transpose(kernel as tf.Tensor4D, [2, 3, 1, 0]), stride, pad, "NCHW");
  return tf.add(y, tf.reshape(bias, [1, outputs, 1, 1]));
}

/**
 * 1 x 1, 3 x 3 in each channel, 1 x 1, with GELU between them: an MBConv without its sum, and a PatchMerging
 * (tiny_vit_sam.py). Channels first.
 */
export function threeConvs(x: Tensor, weights: Weights, name: string, stride = 1): Tensor {
  const wide = gelu(convNorm(x, weights, `${name}.conv1`));
  const moved = gelu(convNorm(wide, weights, `${name}.conv2`, { stride, depthwise: true }));
  return convNorm(moved, weights, `${name}.conv3`);
}

/** [1, h, w, C] to [1, C, h, w]. */
export const channelsFirst = (x: Tensor): Tensor => tf.transpose(x, [0, 3, 1, 2]);
/** [1, C, h, w] to [1, h, w, C]. */
export const channelsLast = (x: Tensor): Tensor => tf.transpose(x, [0, 2, 3, 1]);
