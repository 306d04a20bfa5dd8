import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import { namesReachedByMaskLoss } from "../../checkpoint/layout.ts";
import { segment } from "../../model/sam.ts";
import { adamw, type Moments, type Named, type StepScalars } from "../adamw.ts";
import { iouLoss, maskLoss } from "../losses.ts";
import type { EngineSpec } from "./types.ts";

/** The mask that is trained and validated: SAM's single mask for a prompt that is not ambiguous. */
const maskTokens = [0];

/** A batch of prompts as tensors; B prompts on B image embeddings. */
export interface PromptTensors {
  /** [B, 4096, 256]. */
  readonly embedding: Tensor;
  /** [1, 4096, 256] of imagePositionalEncoding. */
  readonly imagePe: Tensor;
  /** [B, T, 2] and [B, T]. */
  readonly coords: Tensor;
  readonly labels: Tensor;
}

export interface StepTensors extends PromptTensors {
  /** [B, 256, 256] each. */
  readonly targets: Tensor;
  readonly valid: Tensor;
  /** Only where the objective wants it. */
  readonly edges?: Tensor;
}

export interface StepOutputs {
  readonly loss: Scalar;
  readonly gradientNorm: Scalar;
  readonly weights: Named;
  readonly moments: Moments;
}

/** The trainable weights that the loss reaches. The others of `trainable` stay as they are, as in PyTorch. */
export function trainedNames(spec: EngineSpec): string[] {
  const reached = new Set(namesReachedByMaskLoss(maskTokens, { iouHead: (spec.iouLossWeight ?? 0) > 0 }));
  const unknown = spec.trainable.filter((name) => !(name in spec.weights));
  if (unknown.length > 0) throw new Error(`these trainable weights do not exist: ${unknown.join(", ")}`);
  const trained = spec.trainable.filter((name) => reached.has(name));
  if (trained.length === 0) throw new Error("none of the trainable weights is reached by the loss");
  return trained;
}

/** Low-res logits [B, 256, 256] and IoU predictions [B] of mask token 0. */
export function forward(weights: Named, prompts: PromptTensors): { logits: Tensor; iou: Tensor } {
  const { logits, iou } = segment(prompts, weights, { maskTokens });
  const [batch = 0, , height = 0, width = 0] = logits.shape;
  return { logits: tf.reshape(logits, [batch, height, width]), iou: tf.reshape(iou, [batch]) };
}

/** One optimizer step as a function of tensors: forward, loss, gradients, clipping, AdamW. Both engines run this. */
export function trainStep(
  spec: EngineSpec,
  weights: Named,
  moments: Moments,
  batch: StepTensors,
  scalars: Readonly<Record<keyof StepScalars, Tensor>>,
): StepOutputs {
  const names = trainedNames(spec);
  const trained = names.map((name) => weights[name] as Tensor);
  const lossOf = (...tensors: Tensor[]): Scalar => {
    const own = Object.fromEntries(names.map((name, i) => [name, tensors[i] as Tensor]));
    const { logits, iou } = forward({ ...weights, ...own }, batch);
    const inputs = { ...batch, logits };
    const loss = maskLoss(spec.loss, inputs);
    const weight = spec.iouLossWeight ?? 0;
    return weight > 0 ? tf.add(loss, tf.mul(iouLoss(iou, inputs), weight)) : loss;
  };
  const { value, grads } = tf.valueAndGrads(lossOf)(trained);
  const gradients = Object.fromEntries(names.map((name, i) => [name, grads[i] as Tensor]));
  const next = adamw(weights, gradients, moments, scalars, spec);
  return {
    loss: value,
    gradientNorm: next.gradientNorm,
    weights: next.weights,
    moments: next.moments,
  };
}
