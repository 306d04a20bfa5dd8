import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";
import { namesReachedByMaskLoss } from "../../checkpoint/layout.ts";
import type { SkipFeatures } from "../../model/mask-decoder.ts";
import { segment } from "../../model/sam.ts";
import { adamw, movingAverages, type Named, type ScalarTensors } from "./adamw.ts";
import { iouLoss, maskLoss } from "./losses.ts";
import type { EngineSpec } from "./types.ts";

/** The mask that is trained and validated: SAM's single mask for a prompt that is not ambiguous. */
const maskTokens = [0];

/** A batch of prompts as tensors; B prompts on B image embeddings. */
export interface PromptTensors {
  /** [B, 4096, 256]. */
  readonly embedding: Tensor;
  /** SAM 2's, of the same images: see SkipFeatures. */
  readonly skips?: SkipFeatures;
  /** [1, 4096, 256] of imagePositionalEncoding. */
  readonly imagePe: Tensor;
  /** [B, T, 2] and [B, T]. */
  readonly coords: Tensor;
  readonly labels: Tensor;
  /** [B, 256, 256], and [B] unless every sample has a mask prompt. */
  readonly masks?: Tensor;
  readonly hasMask?: Tensor;
}

export interface StepTensors extends PromptTensors {
  /** [B, 256, 256] each. */
  readonly targets: Tensor;
  readonly valid: Tensor;
  /** Only where the objective wants it. */
  readonly edges?: Tensor;
}

/** What a step leads on to the next: tensors by weight name, of the weights that are trained. */
export interface TrainState {
  readonly weight: Named;
  /** See Moments. */
  readonly first: Named;
  readonly second: Named;
  /** Moving averages of the weights, where there are any. */
  readonly average?: Named;
}
export type StatePart = keyof TrainState;

/** Which parts the state of a run has. */
export const stateParts = (spec: EngineSpec): StatePart[] => [
  "weight",
  "first",
  "second",
  ...((spec.emaDecay ?? 0) > 0 ? (["average"] as const) : []),
];

/** Which part is what predictions are made with and what is kept. */
export const servedPart = (spec: EngineSpec): StatePart => stateParts(spec)[3] ?? "weight";

/** Whether steps need the weights that the run began with. */
export const needsBase = (spec: EngineSpec): boolean => spec.decayTo === "base" && spec.weightDecay > 0;

/** By what name an engine's state tells a part of a weight: what is served has the weight's own. */
export function nameInState(spec: EngineSpec, part: StatePart, name: string): string {
  if (part === servedPart(spec)) return name;
  return part === "weight" ? `raw/${name}` : `${part}/${name}`;
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
export function forward(
  weights: Named,
  prompts: PromptTensors,
  spec: Pick<EngineSpec, "absentTokens">,
): { logits: Tensor; iou: Tensor } {
  const options = { maskTokens, absentTokens: spec.absentTokens ?? false };
  const { logits, iou } = segment(prompts, weights, options);
  const [batch = 0, , height = 0, width = 0] = logits.shape;
  return { logits: tf.reshape(logits, [batch, height, width]), iou: tf.reshape(iou, [batch]) };
}

/**
 * One optimizer step as a function of tensors: forward, loss, gradients, clipping, AdamW, moving averages.
 * Both engines run this. `weights` has all weights by name, the trained ones as they are now; `base` those that the
 * run began with, where decay leads back to them.
 */
export function trainStep(
  spec: EngineSpec,
  { weights, state, base }: { weights: Named; state: TrainState; base?: Named | undefined },
  batch: StepTensors,
  scalars: ScalarTensors,
): { loss: Scalar; gradientNorm: Scalar; next: TrainState } {
  const names = trainedNames(spec);
  const trained = names.map((name) => state.weight[name] as Tensor);
  const lossOf = (...tensors: Tensor[]): Scalar => {
    const own = Object.fromEntries(names.map((name, i) => [name, tensors[i] as Tensor]));
    const { logits, iou } = forward({ ...weights, ...own }, batch, spec);
    const inputs = { ...batch, logits };
    const loss = maskLoss(spec.loss, inputs);
    const weight = spec.iouLossWeight ?? 0;
    return weight > 0 ? tf.add(loss, tf.mul(iouLoss(iou, inputs), weight)) : loss;
  };
  const { value, grads } = tf.valueAndGrads(lossOf)(trained);
  const gradients = Object.fromEntries(names.map((name, i) => [name, grads[i] as Tensor]));
  const {
    weights: weight,
    moments,
    gradientNorm,
  } = adamw(state.weight, gradients, state, scalars, spec, base);
  const average = state.average && movingAverages(state.average, weight, scalars.renewal);
  return { loss: value, gradientNorm, next: { weight, ...moments, ...(average ? { average } : {}) } };
}
