import * as tf from "@tensorflow/tfjs-core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { alongAxis, axisOf, offAxis } from "./colour-axis.ts";
import { meansAround, type Pixels, pixelsAt } from "./window-means.ts";

/** Logits beyond say nothing more. */
const bound = 20;
const shareRadii = [1, 2, 4, 8];
const colourRadii = [1, 2, 4, 8, 16];
/** Radius of the window for the local spread of colour, pixels. */
const spreadRadius = 2;
/** Bounds of places on the colour axis. */
const alongBounds = [-5, 5] as const;

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
 * What a point head knows of the pixels at `points`, int32 [points], row-major indexes: [pointFeatureCount, points], each
 * about in [-5, 5]. The coarse prediction, and fine features of the image, as in PointRend (Kirillov et al. 2020), though
 * these are colours and their means over squares, not a network's. Only what means are taken of is made for the whole area.
 */
export function pointFeatures({ logits, guide, box, hasBox }: Area, points: Tensor): Tensor {
  const [height, width] = logits.shape as [number, number];
  const pixels = pixelsAt(points, [height, width]);
  const plane = (row: Tensor): Tensor => tf.reshape(row, [1, height, width]);
  const share = tf.sigmoid(boundedLogits(logits));
  const colours = tf.reshape(guide, [height * width, 3]);
  const axis = axisOf(share, colours);
  const everywhere = alongAxis(colours, axis);
  const along = tf.clipByValue(plane(everywhere), ...alongBounds);
  const colourMeans = meansAround(along, colourRadii, pixels);
  const middle = tf.slice(colourMeans, [colourRadii.indexOf(spreadRadius), 0], [1, -1]);
  const squares = meansAround(tf.square(along), [spreadRadius], pixels);

  const at = (values: Tensor): Tensor => tf.expandDims(tf.gather(tf.reshape(values, [-1]), points), 0);
  const coarse = boundedLogits(at(logits));
  const own = tf.mul(tf.transpose(tf.cast(tf.gather(colours, points, 0), "float32")), 1 / 255);
  const place = at(everywhere);
  const bounded = tf.clipByValue(place, ...alongBounds);
  return tf.concat(
    [
      tf.mul(coarse, 0.25),
      tf.tanh(tf.mul(coarse, 0.5)),
      tf.sigmoid(coarse),
      meansAround(plane(share), shareRadii, pixels),
      bounded,
      tf.clipByValue(place, -1, 1),
      offAxis(own, place, axis),
      colourMeans,
      tf.sqrt(tf.relu(tf.sub(squares, tf.square(middle)))),
      tf.sub(own, 0.5),
      boxFeatures(box, hasBox, pixels),
    ],
    0,
  );
}

/** The decoder's logits, clipped to the range that means anything. */
export const boundedLogits = (logits: Tensor): Tensor => tf.clipByValue(logits, -bound, bound);

/**
 * Where pixels' middles lie to the prompt's box, [4, points]: the distance to the nearest edge, below 0 outside, in pixels
 * and twice as a share of the box's sides; and that there is a box. All zeros where there is none.
 */
function boxFeatures(box: Tensor, hasBox: Tensor, pixels: Pixels): Tensor {
  const [x0, y0, x1, y1] = tf.split(box, 4) as [Tensor, Tensor, Tensor, Tensor];
  const [x, y] = [tf.add(pixels.x, 0.5), tf.add(pixels.y, 0.5)];
  const across = tf.minimum(tf.sub(x, x0), tf.sub(x1, x));
  const down = tf.minimum(tf.sub(y, y0), tf.sub(y1, y));
  const distance = tf.minimum(across, down);
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
