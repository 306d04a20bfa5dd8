import * as tf from "@tensorflow/tfjs-core";
import type { Scalar, Tensor } from "@tensorflow/tfjs-core";

/** PyTorch's defaults (torch.optim.AdamW). */
const beta1 = 0.9;
const beta2 = 0.999;
const epsilon = 1e-8;

/** Tensors by weight name. */
export type Named = Readonly<Record<string, Tensor>>;

/**
 * Weights and their moments. `first` is PyTorch's exp_avg divided by (1 - beta1), `second` its exp_avg_sq divided by
 * (1 - beta2): that saves two products per weight and step. Both start at zero.
 */
export interface Moments {
  readonly first: Named;
  readonly second: Named;
}

export interface AdamwOptions {
  readonly weightDecay: number;
  /** Gradients are scaled down to this global L2 norm; Infinity for none. */
  readonly clipNorm: number;
}

/** What changes from step to step: three numbers, computed in double precision outside the tensors. */
export interface StepScalars {
  readonly decay: number;
  readonly rate: number;
  readonly epsilon: number;
}

export const stepScalarNames = ["decay", "rate", "epsilon"] as const satisfies readonly (keyof StepScalars)[];

/** `step` counts from 1. */
export function stepScalars(step: number, learningRate: number, weightDecay: number): StepScalars {
  const correction1 = 1 - beta1 ** step;
  const correction2 = Math.sqrt(1 - beta2 ** step);
  // PyTorch: w -= rate / correction1 * exp_avg / (sqrt(exp_avg_sq) / correction2 + epsilon), with the moments' own
  // scales taken out of the quotient.
  const scale = Math.sqrt(1 - beta2) / correction2;
  return {
    decay: 1 - learningRate * weightDecay,
    rate: (learningRate / correction1) * ((1 - beta1) / scale),
    epsilon: epsilon / scale,
  };
}

/**
 * One step of AdamW with decoupled weight decay (Loshchilov and Hutter, 2019) after clipping by the global norm, as
 * torch.nn.utils.clip_grad_norm_ and torch.optim.AdamW do it. Every name in `gradients` is updated.
 * Returns the new weights and moments and the norm before clipping.
 */
export function adamw(
  weights: Named,
  gradients: Named,
  moments: Moments,
  scalars: Readonly<Record<keyof StepScalars, Tensor>>,
  options: AdamwOptions,
): { weights: Named; moments: Moments; gradientNorm: Scalar } {
  const names = Object.keys(gradients);
  const of = (map: Named, name: string): Tensor => {
    const tensor = map[name];
    if (!tensor) throw new Error(`AdamW has a gradient for ${name} but not its weight or moments`);
    return tensor;
  };
  const squares = Object.fromEntries(names.map((name) => [name, tf.square(of(gradients, name))]));
  const gradientNorm = tf.sqrt<Scalar>(tf.addN(names.map((name) => tf.sum(of(squares, name)))));
  const clips = Number.isFinite(options.clipNorm);
  const clip = tf.minimum(tf.div(options.clipNorm, tf.add(gradientNorm, 1e-6)), 1);
  const clipSquared = tf.square(clip);
  const next = {
    weights: {} as Record<string, Tensor>,
    first: {} as Record<string, Tensor>,
    second: {} as Record<string, Tensor>,
  };
  for (const name of names) {
    const gradient = clips ? tf.mul(of(gradients, name), clip) : of(gradients, name);
    const square = clips ? tf.mul(of(squares, name), clipSquared) : of(squares, name);
    const first = tf.add(tf.mul(of(moments.first, name), beta1), gradient);
    const second = tf.add(tf.mul(of(moments.second, name), beta2), square);
    const change = tf.div(tf.mul(first, scalars.rate), tf.add(tf.sqrt(second), scalars.epsilon));
    const weight = of(weights, name);
    const decayed = options.weightDecay === 0 ? weight : tf.mul(weight, scalars.decay);
    next.weights[name] = tf.sub(decayed, change);
    next.first[name] = first;
    next.second[name] = second;
  }
  return { weights: next.weights, moments: { first: next.first, second: next.second }, gradientNorm };
}
