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
  /** Where weights decay to: zero (the default), or the weights that the run began with (L2-SP, Li et al., 2018). */
  readonly decayTo?: "zero" | "base" | undefined;
  /** Gradients are scaled down to this global L2 norm; Infinity for none. */
  readonly clipNorm: number;
}

/** What changes from step to step: a few numbers, computed in double precision outside the tensors. */
export interface StepScalars {
  /** 1 - pull: what decay to zero leaves of a weight. */
  readonly decay: number;
  readonly rate: number;
  readonly epsilon: number;
  /** Learning rate times weight decay: how much of its way back a weight goes. */
  readonly pull: number;
  /** The share of the new weights in their moving average. */
  readonly renewal: number;
}

export const stepScalarNames = [
  "decay",
  "rate",
  "epsilon",
  "pull",
  "renewal",
] as const satisfies readonly (keyof StepScalars)[];

export type ScalarTensors = Readonly<Record<keyof StepScalars, Tensor>>;

/** @param step counts from 1 */
export function stepScalars(
  step: number,
  learningRate: number,
  { weightDecay, emaDecay = 0 }: { weightDecay: number; emaDecay?: number | undefined },
): StepScalars {
  const correction1 = 1 - beta1 ** step;
  const correction2 = Math.sqrt(1 - beta2 ** step);
  // PyTorch: w -= rate / correction1 * exp_avg / (sqrt(exp_avg_sq) / correction2 + epsilon), with the moments' own
  // scales taken out of the quotient.
  const scale = Math.sqrt(1 - beta2) / correction2;
  const pull = learningRate * weightDecay;
  return {
    decay: 1 - pull,
    rate: (learningRate / correction1) * ((1 - beta1) / scale),
    epsilon: epsilon / scale,
    pull,
    // Climbs to its decay, so that the first steps' average does not stick to the start
    // (tf.train.ExponentialMovingAverage's num_updates).
    renewal: 1 - Math.min(emaDecay, (1 + step) / (10 + step)),
  };
}

/**
 * One step of AdamW with decoupled weight decay (Loshchilov and Hutter, 2019) after clipping by the global norm, as
 * torch.nn.utils.clip_grad_norm_ and torch.optim.AdamW do it. Every name in `gradients` is updated.
 * `base` is what weights decay to where the options say so.
 * Returns the new weights and moments and the norm before clipping.
 */
export function adamw(
  weights: Named,
  gradients: Named,
  moments: Moments,
  scalars: ScalarTensors,
  options: AdamwOptions,
  base: Named = {},
): { weights: Named; moments: Moments; gradientNorm: Scalar } {
  const names = Object.keys(gradients);
  const of = (map: Named, name: string): Tensor => {
    const tensor = map[name];
    if (!tensor) throw new Error(`AdamW has a gradient for ${name} but not its weight, moments or base`);
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
    const decayed =
      options.weightDecay === 0
        ? weight
        : options.decayTo === "base"
          ? tf.sub(weight, tf.mul(tf.sub(weight, of(base, name)), scalars.pull))
          : tf.mul(weight, scalars.decay);
    next.weights[name] = tf.sub(decayed, change);
    next.first[name] = first;
    next.second[name] = second;
  }
  return { weights: next.weights, moments: { first: next.first, second: next.second }, gradientNorm };
}

/** Exponential moving averages of weights, one step on: they go the share `renewal` of the way to the new weights. */
export function movingAverages(averages: Named, weights: Named, renewal: Tensor): Named {
  return Object.fromEntries(
    Object.entries(averages).map(([name, average]) => {
      const weight = weights[name];
      if (!weight) throw new Error(`there is an average of ${name} but no such weight`);
      return [name, tf.add(average, tf.mul(tf.sub(weight, average), renewal))];
    }),
  );
}
