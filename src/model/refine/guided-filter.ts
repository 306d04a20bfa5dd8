import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { colourPlanes, type Planes, planeOf, turnedBoxMean } from "./planes.ts";

/** Filtered shares are kept this far from 0 and 1, so that they have a logit. */
const margin = 1e-4;

export interface GuidedInputs {
  /** [height, width]. */
  readonly logits: Tensor;
  /** [height, width, 3], colours in [0, 255]. */
  readonly guide: Tensor;
  /** [1], whole: of the windows, in pixels. */
  readonly radius: Tensor;
  /** [1] each: variance of colour below which edges do not count, and the share above which a pixel is foreground. */
  readonly epsilon: Tensor;
  readonly threshold: Tensor;
}

/**
 * Sharpens logits along the edges of the image below them: within each window of (2 radius + 1) squared pixels the share
 * of foreground becomes a linear function of colour, and each pixel takes the mean of the functions that cover it. What
 * is thinner than a low-res cell comes back where it has a colour of its own.
 * Source: He, Sun and Tang, Guided Image Filtering (TPAMI 2013), section 3.4, colour guidance.
 *
 * Gives logits [height, width] again, 0 at the threshold.
 */
export function guidedLogits({ logits, guide, radius, epsilon, threshold }: GuidedInputs): Tensor {
  const [height = 0, width = 0] = logits.shape;
  const share = tf.expandDims(tf.sigmoid(logits), 0);
  // Covariances are the same round any colour, and most exact close to the middle.
  const colours = tf.sub(colourPlanes(guide), 0.5);
  const [r, g, b] = tf.split(colours, 3, 0) as [Planes, Planes, Planes];
  // The means are turned, and those of what follows from them are so twice.
  const means = turnedBoxMean(
    tf.concat(
      [
        colours,
        share,
        tf.mul(colours, r),
        tf.mul(tf.slice(colours, [1, 0, 0], [2, -1, -1]), g),
        tf.square(b),
        tf.mul(colours, share),
      ],
      0,
    ),
    radius,
  );
  const mean = (i: number): Planes => planeOf(means, i);
  const [mr, mg, mb, mp] = [mean(0), mean(1), mean(2), mean(3)];
  const covariance = (i: number, x: Planes, y: Planes): Planes => tf.sub(mean(i), tf.mul(x, y));
  const [xx, yy, zz] = (
    [
      [4, mr],
      [7, mg],
      [9, mb],
    ] as const
  ).map(([i, m]) => tf.add(covariance(i, m, m), epsilon)) as [Planes, Planes, Planes];
  const [xy, xz, yz] = [covariance(5, mr, mg), covariance(6, mr, mb), covariance(8, mg, mb)];
  const [x, y, z] = [covariance(10, mr, mp), covariance(11, mg, mp), covariance(12, mb, mp)];
  // (covariance of colour + epsilon) a = covariance of colour and share, by Cramer's rule.
  const minor = (p: Planes, q: Planes, s: Planes, t: Planes): Planes => tf.sub(tf.mul(p, q), tf.mul(s, t));
  const [cx, cy, cz] = [minor(yy, zz, yz, yz), minor(xz, yz, xy, zz), minor(xy, yz, xz, yy)];
  const [dx, dy, dz] = [minor(xx, zz, xz, xz), minor(xy, xz, xx, yz), minor(xx, yy, xy, xy)];
  const dot = (p: Planes, q: Planes, s: Planes): Planes =>
    tf.add(tf.add(tf.mul(p, x), tf.mul(q, y)), tf.mul(s, z));
  const scale = tf.reciprocal(tf.add(tf.add(tf.mul(xx, cx), tf.mul(xy, cy)), tf.mul(xz, cz)));
  const [ar, ag, ab] = [
    tf.mul(dot(cx, cy, cz), scale),
    tf.mul(dot(cy, dx, dy), scale),
    tf.mul(dot(cz, dy, dz), scale),
  ];
  const offset = tf.sub(mp, tf.add(tf.add(tf.mul(ar, mr), tf.mul(ag, mg)), tf.mul(ab, mb)));
  const functions = turnedBoxMean(tf.concat([ar, ag, ab, offset], 0), radius);
  const linear = [r, g, b].reduce(
    (sum, colour, i) => tf.add(sum, tf.mul(planeOf(functions, i), colour)),
    planeOf(functions, 3),
  );
  const filtered = tf.clipByValue(linear, margin, 1 - margin);
  const logit = (value: Tensor): Tensor => tf.log(tf.div(value, tf.sub(1, value)));
  return tf.reshape(tf.sub(logit(filtered), logit(threshold)), [height, width]);
}
