import type { PointHead } from "../../imaging/points/head.ts";
import type { HeadGradient } from "./gradient.ts";

/** PyTorch's defaults. */
const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];

/**
 * AdamW with decoupled weight decay (Loshchilov and Hutter 2019; torch.optim.AdamW) on a point head's own arrays. The
 * decoder's is in training/adamw.ts, on tensors; a head has some two thousand numbers, for which no engine is worth while.
 */
export class Adamw {
  readonly #head: PointHead;
  readonly #decay: number;
  readonly #moments = new Map<string, { first: Float64Array; second: Float64Array }>();
  #steps = 0;

  constructor(head: PointHead, weightDecay: number) {
    this.#head = head;
    this.#decay = weightDecay;
  }

  step(gradient: HeadGradient, rate: number): void {
    this.#steps++;
    const [correction1, correction2] = [1 - beta1 ** this.#steps, 1 - beta2 ** this.#steps];
    for (const [part, slope] of Object.entries(gradient) as [keyof HeadGradient, Float64Array][]) {
      const weights = this.#head[part];
      const { first, second } = this.#momentsOf(part, weights.length);
      for (let i = 0; i < weights.length; i++) {
        const g = slope[i] as number;
        const m = beta1 * (first[i] as number) + (1 - beta1) * g;
        const v = beta2 * (second[i] as number) + (1 - beta2) * g * g;
        [first[i], second[i]] = [m, v];
        const kept = (weights[i] as number) * (1 - rate * this.#decay);
        weights[i] = kept - (rate * (m / correction1)) / (Math.sqrt(v / correction2) + epsilon);
      }
    }
  }

  #momentsOf(part: string, length: number): { first: Float64Array; second: Float64Array } {
    const kept = this.#moments.get(part);
    if (kept) return kept;
    const made = { first: new Float64Array(length), second: new Float64Array(length) };
    this.#moments.set(part, made);
    return made;
  }
}
