import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import { partsOfCell, outputsOf, sides } from "../../domain/finder-layout.ts";
import { finderOutputs } from "../../model/finder.ts";
import type { Named } from "../engine/adamw.ts";

/** What a step sees: `crops` crops of `side` x `side` cells. */
export interface CropShape {
  readonly crops: number;
  readonly side: number;
  readonly labels: number;
}

/** A batch by name and shape, all float32; parts of cells as finderOutputs orders them. */
export const batchShapes = ({ crops, side, labels }: CropShape) =>
  ({
    cells: [crops, side, side, 256],
    /** 0 for a channel that is dropped, else what keeps the sum: [crops, 1, 1, 256]. */
    kept: [crops, 1, 1, 256],
    foreground: [crops, side * side * partsOfCell, labels],
    centres: [crops, side * side * partsOfCell, labels],
    sides: [crops, side * side * partsOfCell, sides],
    weight: [crops, side * side * partsOfCell],
    valid: [crops, side * side * partsOfCell],
  }) as const;
export type BatchName = keyof ReturnType<typeof batchShapes>;

/** How much each term counts. */
const [ofForeground, ofCentres, ofSides] = [2, 0.5, 0.5];
const ofDice = 0.5;
/** Where the sides' loss turns from squares to lengths. */
const knee = 0.1;

/**
 * Foreground by cross-entropy and soft Dice; centres by CenterNet's focal loss (Zhou et al. 2019, equation 1, alpha 2 and
 * beta 4); log sides by smooth L1 near centres.
 */
export function finderLoss(batch: Named, weights: Named, shape: CropShape): Scalar {
  const { crops, side, labels } = shape;
  const input = (name: BatchName): Tensor => batch[name] as Tensor;
  // A dropped channel counts as its mean, which the finder brings to 0.
  const mean = weights["mean"] as Tensor;
  const cells = tf.add(tf.mul(tf.sub(input("cells"), mean), input("kept")), mean);
  const raw = finderOutputs(cells, weights);
  const outputs = tf.reshape(raw, [crops, side * side * partsOfCell, outputsOf(labels)]);
  const [foreground, centres, log] = tf.split(outputs, [labels, labels, sides], 2) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const valid = tf.expandDims(input("valid"), 2);
  const region = regionLoss(foreground, input("foreground"), valid, labels);
  const centre = centreLoss(centres, input("centres"), valid);
  const box = sideLoss(log, input("sides"), input("weight"));
  return tf.addN([tf.mul(region, ofForeground), tf.mul(centre, ofCentres), tf.mul(box, ofSides)]) as Scalar;
}

function regionLoss(logits: Tensor, truth: Tensor, valid: Tensor, labels: number): Tensor {
  const entropy = tf.sub(tf.softplus(logits), tf.mul(logits, truth));
  const mean = tf.div(tf.sum(tf.mul(entropy, valid)), tf.mul(tf.add(tf.sum(valid), 1), labels));
  const share = tf.mul(tf.sigmoid(logits), valid);
  const both = tf.add(tf.mul(tf.sum(tf.mul(share, truth), 1), 2), 1);
  const dice = tf.sub(1, tf.div(both, tf.add(tf.sum(tf.add(share, truth), 1), 1)));
  return tf.add(mean, tf.mul(tf.mean(dice), ofDice));
}

function centreLoss(logits: Tensor, truth: Tensor, valid: Tensor): Tensor {
  const is = tf.cast(tf.greater(truth, 0.999), "float32");
  const believed = tf.sigmoid(logits);
  const missed = tf.mul(tf.mul(is, tf.square(tf.sub(1, believed))), tf.softplus(tf.neg(logits)));
  const away = tf.square(tf.square(tf.sub(1, truth)));
  const wrong = tf.mul(tf.mul(tf.mul(tf.sub(1, is), away), tf.square(believed)), tf.softplus(logits));
  const all = tf.sum(tf.mul(tf.add(missed, wrong), valid));
  return tf.div(all, tf.maximum(tf.sum(tf.mul(is, valid)), 1));
}

function sideLoss(log: Tensor, truth: Tensor, weight: Tensor): Tensor {
  const apart = tf.abs(tf.sub(log, truth));
  const near = tf.minimum(apart, knee);
  const smooth = tf.div(tf.mul(near, tf.sub(apart, tf.mul(near, 0.5))), knee);
  return tf.div(tf.sum(tf.mul(tf.sum(smooth, 2), weight)), tf.maximum(tf.sum(weight), 1));
}
