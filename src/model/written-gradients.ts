import * as tf from "@tensorflow/tfjs-core";
import type { GradSaveFunc, Tensor } from "@tensorflow/tfjs-core";

/**
 * Two functions whose gradients are written out by hand: what tfjs derives for them op by op touches the image's
 * 65,536 cells several times as often. The order of the forward ops is fixed, so that a graph can recognise them
 * (graph/simplify/fusions.ts).
 */

/** `normal`: (x - mean) * `inverse`; `inverse`: 1 / sqrt(variance + epsilon), over the last axis. Any shape. */
export function normaliseScaled(x: Tensor, epsilon: number): { normal: Tensor; inverse: Tensor } {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const variance = tf.mean(tf.square(centred), -1, true);
  const inverse = tf.rsqrt(tf.add(variance, epsilon));
  return { normal: tf.mul(centred, inverse), inverse };
}

/** (x - mean) / sqrt(variance + epsilon) over the last axis. Any shape. */
export function normalise(x: Tensor, epsilon: number): Tensor {
  return tf.customGrad((input, save) => {
    const { normal: value, inverse } = normaliseScaled(input as Tensor, epsilon);
    (save as GradSaveFunc)([value, inverse]);
    const gradFunc = (dy: Tensor, saved: Tensor[]): Tensor => {
      const [y, scale] = saved as [Tensor, Tensor];
      // The part of dy along the mean and along y itself does not change the result
      const along = tf.mul(y, tf.mean(tf.mul(dy, y), -1, true));
      return tf.mul(tf.sub(tf.sub(dy, tf.mean(dy, -1, true)), along), scale);
    };
    return { value, gradFunc };
  })(x);
}

/** nn.GELU, the exact one: x times the normal distribution's share below x. Any shape. */
export function gelu(x: Tensor): Tensor {
  return tf.customGrad((input, save) => {
    const share = tf.add(tf.mul(tf.erf(tf.mul(input as Tensor, Math.SQRT1_2)), 0.5), 0.5);
    const value = tf.mul(input as Tensor, share);
    (save as GradSaveFunc)([input as Tensor, share]);
    const gradFunc = (dy: Tensor, saved: Tensor[]): Tensor => {
      const [at, below] = saved as [Tensor, Tensor];
      const density = tf.mul(tf.exp(tf.mul(tf.square(at), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return tf.mul(dy, tf.add(below, tf.mul(at, density)));
    };
    return { value, gradFunc };
  })(x);
}
