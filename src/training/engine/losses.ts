import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import type { Loss, LossTerm } from "./types.ts";
import { lossTerms } from "./objective.ts";

/** Mask losses on low-res logits. All take [B, H, W] float32 tensors and give the mean over the B samples. */
export interface LossInputs {
  /** 0 is the edge. */
  readonly logits: Tensor;
  /** The share of foreground in each cell, in [0, 1]. */
  readonly targets: Tensor;
  /** 1 where a cell lies on the image; cells at 0 (padding) do not count at all. */
  readonly valid: Tensor;
  /** How near to the mask's edge each cell lies, in [0, 1]; the term `boundary` wants it, no other does. */
  readonly edges?: Tensor;
}

/** As in torchvision's sigmoid_focal_loss and SAM 2's training/loss_fns.py. */
const focalAlpha = 0.25;

/** What a loss is made of, each entry [B, cells]. */
interface Parts {
  readonly logits: Tensor;
  readonly probability: Tensor;
  readonly targets: Tensor;
  readonly valid: Tensor;
  readonly edges: Tensor | undefined;
  /** [B]: how many cells count, at least 1. */
  readonly cells: Tensor;
  /** [B, H, W], what the entries were. */
  readonly shape: readonly [number, number, number];
}

/** Each gives [B]. */
const terms: Readonly<Record<LossTerm, (parts: Parts) => Tensor>> = {
  dice,
  bce: (parts) => meanOverCells(crossEntropy(parts), parts),
  focal: (parts) => meanOverCells(focal(parts), parts),
  mse: (parts) =>
    meanOverCells(tf.mul(tf.square(tf.sub(parts.probability, parts.targets)), parts.valid), parts),
  boundary,
  normalised_mse: normalisedMse,
};

/** The weighted sum of an objective's terms, a scalar. */
export function maskLoss(loss: Loss, { logits, targets, valid, edges }: LossInputs): Scalar {
  const [batch = 0, height = 0, width = 0] = logits.shape;
  const flat = (x: Tensor): Tensor => tf.reshape(x, [batch, -1]);
  const [x, v] = [flat(logits), flat(valid)];
  const parts: Parts = {
    logits: x,
    probability: tf.sigmoid(x),
    targets: flat(targets),
    valid: v,
    edges: edges && flat(edges),
    cells: tf.maximum(tf.sum(v, 1), 1),
    shape: [batch, height, width],
  };
  const sum = lossTerms(loss).reduce<Tensor | undefined>((before, [term, weight]) => {
    const each = terms[term](parts);
    const weighted = weight === 1 ? each : tf.mul(each, weight);
    return before ? tf.add(before, weighted) : weighted;
  }, undefined);
  if (!sum) throw new Error("an objective needs at least one term with a weight above 0");
  return tf.mean(sum);
}

/**
 * How far the IoU predictions [B] are from the IoU that the low-res masks really have: the mean of the squared
 * differences (Kirillov et al. 2023, appendix A). The masks learn nothing from it: their IoU is only a target.
 */
export function iouLoss(predicted: Tensor, inputs: LossInputs): Scalar {
  return tf.mean<Scalar>(tf.square(tf.sub(predicted, lowResIou(inputs))));
}

/**
 * IoU [B] of the masks (logits above 0) with the targets' shares of foreground, on the cells that lie on the image.
 * Its gradient is zero: thresholds have none.
 */
export function lowResIou({ logits, targets, valid }: LossInputs): Tensor {
  const measured = tf.customGrad((x) => {
    const mask = tf.mul(tf.cast(tf.greater(x as Tensor, 0), "float32"), valid);
    const both = tf.sum(tf.mul(mask, targets), [1, 2]);
    const sizes = tf.add(tf.sum(mask, [1, 2]), tf.sum(tf.mul(targets, valid), [1, 2]));
    const value = tf.div(both, tf.maximum(tf.sub(sizes, both), 1e-6));
    return { value, gradFunc: () => tf.zeros((x as Tensor).shape) };
  });
  return measured(logits);
}

/** [B, cells] to [B]. */
function meanOverCells(x: Tensor, { cells }: Parts): Tensor {
  return tf.div(tf.sum(x, 1), cells);
}

/** 1 - (2 |P T| + 1) / (|P| + |T| + 1), soft, with detectron2's and SAM 2's smoothing of one cell. [B]. */
function dice({ probability, targets, valid }: Parts): Tensor {
  const predicted = tf.mul(probability, valid);
  const overlap = tf.sum(tf.mul(predicted, targets), 1);
  const sizes = tf.add(tf.sum(predicted, 1), tf.sum(tf.mul(targets, valid), 1));
  return tf.sub(1, tf.div(tf.add(tf.mul(overlap, 2), 1), tf.add(sizes, 1)));
}

/** Binary cross-entropy of the logits, log(1 + e^x) - x t, zero on padding. [B, cells]. */
function crossEntropy({ logits, targets, valid }: Parts): Tensor {
  return tf.mul(tf.sub(tf.softplus(logits), tf.mul(logits, targets)), valid);
}

/** alpha_t (1 - p_t)^2 times cross-entropy (Lin et al., 2017; torchvision's sigmoid_focal_loss, gamma 2). [B, cells]. */
function focal(parts: Parts): Tensor {
  const { probability, targets } = parts;
  // 1 - p_t = p (1 - t) + (1 - p) t = p + t - 2 p t
  const wrong = tf.sub(tf.add(probability, targets), tf.mul(tf.mul(probability, targets), 2));
  const alpha = tf.add(tf.mul(targets, 2 * focalAlpha - 1), 1 - focalAlpha);
  return tf.mul(tf.mul(crossEntropy(parts), tf.square(wrong)), alpha);
}

/** Cross-entropy averaged with the cells' nearness to the edge as weights, after U-Net's (Ronneberger et al., 2015). [B]. */
function boundary(parts: Parts): Tensor {
  if (!parts.edges) throw new Error("the boundary loss wants the batch's edges");
  const near = tf.mul(parts.edges, parts.valid);
  const sum = tf.sum(tf.mul(crossEntropy(parts), parts.edges), 1);
  // A mask that fills the whole image has no edge, and then no boundary loss.
  return tf.div(sum, tf.maximum(tf.sum(near, 1), 1e-6));
}

/**
 * The loss of a well-known fine-tuning tutorial: squared error of `normalize(threshold(logits, 0, 0))`, that is, of
 * the positive logits divided by the L2 norm of their column (`dim=1` of [B, H, W]). See objective.ts. [B].
 */
function normalisedMse(parts: Parts): Tensor {
  const [batch, height, width] = parts.shape;
  const positive = tf.reshape(tf.mul(tf.relu(parts.logits), parts.valid), [batch, height, width]);
  // torch's eps of 1e-12, inside the root: a column without any positive logit has no gradient, not NaN
  const norm = tf.sqrt(tf.maximum(tf.sum(tf.square(positive), 1, true), 1e-24));
  const normal = tf.reshape(tf.div(positive, norm), [batch, -1]);
  return meanOverCells(tf.mul(tf.square(tf.sub(normal, parts.targets)), parts.valid), parts);
}
