import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import type { LossName } from "./engine/types.ts";

/** Mask losses on low-res logits. All take [B, H, W] float32 tensors and give the mean over the B samples. */
export interface LossInputs {
  /** 0 is the edge. */
  readonly logits: Tensor;
  /** The share of foreground in each cell, in [0, 1]. */
  readonly targets: Tensor;
  /** 1 where a cell lies on the image; cells at 0 (padding) do not count at all. */
  readonly valid: Tensor;
}

/** SAM's paper weighs focal loss to Dice loss 20 to 1 (Kirillov et al., 2023, section 3). */
const focalWeight = 20;
/** As in torchvision's sigmoid_focal_loss and SAM 2's training/loss_fns.py. */
const focalAlpha = 0.25;

/** What a loss is made of, each entry [B, cells]. */
interface Parts {
  readonly logits: Tensor;
  readonly probability: Tensor;
  readonly targets: Tensor;
  readonly valid: Tensor;
  /** [B]: how many cells count, at least 1. */
  readonly cells: Tensor;
}

const losses: Readonly<Record<LossName, (parts: Parts) => Tensor>> = {
  dice_bce: (parts) => tf.add(dice(parts), meanOverCells(crossEntropy(parts), parts)),
  focal_dice: (parts) => tf.add(tf.mul(meanOverCells(focal(parts), parts), focalWeight), dice(parts)),
  mse: (parts) =>
    meanOverCells(tf.mul(tf.square(tf.sub(parts.probability, parts.targets)), parts.valid), parts),
};

/** The loss by its name, a scalar. */
export function maskLoss(name: LossName, { logits, targets, valid }: LossInputs): Scalar {
  const batch = logits.shape[0] ?? 0;
  const flat = (x: Tensor): Tensor => tf.reshape(x, [batch, -1]);
  const [x, v] = [flat(logits), flat(valid)];
  const parts: Parts = {
    logits: x,
    probability: tf.sigmoid(x),
    targets: flat(targets),
    valid: v,
    cells: tf.maximum(tf.sum(v, 1), 1),
  };
  return tf.mean(losses[name](parts));
}

/** [B, cells] to [B]. */
const meanOverCells = (x: Tensor, { cells }: Parts): Tensor => tf.div(tf.sum(x, 1), cells);

/** 1 - (2 |P T| + 1) / (|P| + |T| + 1), soft, with detectron2's and SAM 2's smoothing of one cell. [B]. */
function dice({ probability, targets, valid }: Parts): Tensor {
  const predicted = tf.mul(probability, valid);
  const overlap = tf.sum(tf.mul(predicted, targets), 1);
  const sizes = tf.add(tf.sum(predicted, 1), tf.sum(tf.mul(targets, valid), 1));
  return tf.sub(1, tf.div(tf.add(tf.mul(overlap, 2), 1), tf.add(sizes, 1)));
}

/** Binary cross-entropy of the logits, log(1 + e^x) - x t, zero on padding. [B, cells]. */
const crossEntropy = ({ logits, targets, valid }: Parts): Tensor =>
  tf.mul(tf.sub(tf.softplus(logits), tf.mul(logits, targets)), valid);

/** alpha_t (1 - p_t)^2 times cross-entropy (Lin et al., 2017; torchvision's sigmoid_focal_loss, gamma 2). [B, cells]. */
function focal(parts: Parts): Tensor {
  const { probability, targets } = parts;
  // 1 - p_t = p (1 - t) + (1 - p) t = p + t - 2 p t
  const wrong = tf.sub(tf.add(probability, targets), tf.mul(tf.mul(probability, targets), 2));
  const alpha = tf.add(tf.mul(targets, 2 * focalAlpha - 1), 1 - focalAlpha);
  return tf.mul(tf.mul(crossEntropy(parts), tf.square(wrong)), alpha);
}
