import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { alongColours } from "./colour-axis.ts";
import { boxMean, colourPlanes, counted, type Planes } from "./planes.ts";

/** Logits beyond say nothing more. */
const bound = 20;
const shareRadii = [1, 2, 4, 8];
const colourRadii = [1, 2, 4, 8, 16];
/** Of the local spread of colour. */
const spreadRadius = 2;

/** In the order of pointFeatures: logit, share, colours on the object's own axis, plain colours, the box. */
export const pointFeatureCount = 3 + shareRadii.length + 3 + colourRadii.length + 1 + 3 + 4;

/** An area of an image and the decoder's answer there. */
export interface Area {
  /** [height, width]. */
  readonly logits: Tensor;
  /** [height, width, 3], colours in [0, 255]. */
  readonly guide: Tensor;
  /** [4], [x0, y0, x1, y1] of the prompt's box in pixels of the area; and [1], 1 where there is one, else 0. */
  readonly box: Tensor;
  readonly hasBox: Tensor;
}

/**
 * What a point head knows of every pixel, planes [some, height, width] that are `pointFeatureCount` together, in an order
 * that stays, each about in [-5, 5]: the coarse
 * prediction, and fine features of the image, as in PointRend (Kirillov et al. 2020), though these are colours and their
 * means over squares, not a network's.
 */
export function pointFeatures({ logits, guide, box, hasBox }: Area): Planes[] {
  const colours = colourPlanes(guide);
  const bounded = boundedLogits(logits);
  const share = tf.sigmoid(bounded);
  const { along, off } = alongColours(share, colours);

  const meansOf = (plane: Planes, radii: readonly number[]): Planes[] =>
    radii.map((radius) => boxMean(plane, radius));
  const colourMeans = meansOf(along, colourRadii);
  const middle = colourMeans[colourRadii.indexOf(spreadRadius)] as Planes;
  const variance = tf.sub(boxMean(tf.square(along), spreadRadius), tf.square(middle));
  return [
    tf.mul(bounded, 0.25),
    tf.tanh(tf.mul(bounded, 0.5)),
    share,
    ...meansOf(share, shareRadii),
    along,
    tf.clipByValue(along, -1, 1),
    off,
    ...colourMeans,
    tf.sqrt(tf.relu(variance)),
    tf.sub(colours, 0.5),
    boxPlanes(box, hasBox, logits.shape as [number, number]),
  ];
}

/** [1, height, width], of the decoder's logits. */
export const boundedLogits = (logits: Tensor): Planes =>
  tf.expandDims(tf.clipByValue(logits, -bound, bound), 0);

/**
 * Where pixels' middles lie to the prompt's box, [4, height, width]: the distance to the nearest edge, below 0 outside,
 * in pixels and twice as a share of the box's sides; and that there is a box. All zeros where there is none.
 */
function boxPlanes(box: Tensor, hasBox: Tensor, [height, width]: readonly [number, number]): Planes {
  const [x0, y0, x1, y1] = tf.split(box, 4) as [Tensor, Tensor, Tensor, Tensor];
  const middles = (count: number): Tensor => tf.add(counted(count), 0.5);
  const [x, y] = [tf.reshape(middles(width), [1, width]), tf.reshape(middles(height), [height, 1])];
  const across = tf.minimum(tf.sub(x, x0), tf.sub(x1, x));
  const down = tf.minimum(tf.sub(y, y0), tf.sub(y1, y));
  const distance = tf.expandDims(tf.minimum(across, down), 0);
  // A box that is none has no sides; what comes of it is taken away again.
  const sides = tf.add(tf.add(tf.sub(x1, x0), tf.sub(y1, y0)), tf.sub(1, hasBox));
  const share = tf.div(distance, sides);
  return tf.mul(
    tf.concat(
      [
        tf.tanh(tf.mul(distance, 0.5)),
        tf.tanh(tf.mul(share, 16)),
        tf.clipByValue(tf.mul(share, 4), -1, 1),
        tf.onesLike(distance),
      ],
      0,
    ),
    hasBox,
  );
}
