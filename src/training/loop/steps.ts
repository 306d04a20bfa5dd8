import type { TrainingEngine } from "../engine/types.ts";
import type { BatchMaker } from "../prompts/batch-maker.ts";
import { epochBatches } from "../data/samples.ts";
import { learningRateAt, type Schedule } from "./schedule.ts";

/** Training has come apart: its loss is no number any more. */
export class LossNotFinite extends Error {
  override readonly name = "LossNotFinite";
  readonly loss: number;

  constructor(loss: number, step: number) {
    super(`the loss became ${loss} at step ${step}`);
    this.loss = loss;
  }
}

export interface Step {
  /** Counts from 1, through all epochs. */
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
  /** How many of its prompts begin as people had prompted. */
  readonly real: number;
  /** What the engine took, its batch not counted. */
  readonly milliseconds: number;
}

export interface Stepping {
  readonly engine: TrainingEngine;
  readonly maker: BatchMaker;
  readonly schedule: Schedule;
  readonly signal: AbortSignal;
  readonly onStep: (step: Step) => Promise<void>;
  /** Asked before every step; true ends them. */
  readonly stop?: () => boolean;
}

/**
 * Takes the steps of one epoch, a batch each; the next batch is made while the engine's own thread computes. False where
 * `stop` ended them. Throws LossNotFinite, and the signal's reason when it aborts.
 * @param before steps of the epochs before
 */
export async function takeSteps(
  { engine, maker, schedule, signal, onStep, stop }: Stepping,
  { epoch, batches, before }: { epoch: number; batches: readonly (readonly number[])[]; before: number },
): Promise<boolean> {
  // The failure of a batch is met when it is awaited, if it is; it must not count as unhandled until then.
  const ahead = (indexes: readonly number[]) => {
    const batch = maker.prepare(epoch, indexes);
    batch.catch(() => {});
    return batch;
  };
  let next = ahead(batches[0] ?? []);
  for (let i = 0; i < batches.length; i++) {
    signal.throwIfAborted();
    if (stop?.()) return false;
    const prepared = await next;
    const following = batches[i + 1];
    if (following) next = ahead(following);
    const learningRate = learningRateAt(schedule, before + i);
    const batch = await maker.finish(prepared);
    const began = performance.now();
    const { loss } = await engine.step(batch, learningRate);
    const milliseconds = performance.now() - began;
    const step = before + i + 1;
    if (!Number.isFinite(loss)) throw new LossNotFinite(loss, step);
    await onStep({ step, loss, learningRate, real: prepared.real, milliseconds });
  }
  return true;
}

/** Takes so many steps on so many samples, epoch after epoch, whatever their number. Throws as takeSteps does. */
export async function takeSomeSteps(
  stepping: Stepping,
  { samples, steps, seed, batchSize }: { samples: number; steps: number; seed: number; batchSize: number },
): Promise<void> {
  let before = 0;
  for (let epoch = 1; before < steps; epoch++) {
    const perEpoch = Math.min(samples, (steps - before) * batchSize);
    const batches = epochBatches(samples, { seed, epoch, perEpoch, batchSize });
    await takeSteps(stepping, { epoch, batches, before });
    before += batches.length;
  }
}
