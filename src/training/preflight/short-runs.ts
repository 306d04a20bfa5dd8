import { setImmediate as nextTurn } from "node:timers/promises";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import { rleIou } from "../../imaging/mask-facts.ts";
import { rleAtSize } from "../../imaging/rle-at-size.ts";
import { BatchMaker } from "../prompts/batch-maker.ts";
import { engineSpecOf } from "../engine/engine-options.ts";
import type { CreateEngine, EngineName, EngineState, TrainingEngine } from "../engine/types.ts";
import { type Recipe, resolveRecipe } from "../loop/recipe.ts";
import { type EmbeddingOf, fitOf, promptBatch, rleOf, type Sample } from "../data/samples.ts";
import { type Step, takeSomeSteps } from "../loop/steps.ts";

export const batchSize = 4;
const warmupSteps = 4;
/** Samples of one engine call when scoring. */
const perCall = 4;

interface Context {
  readonly seed: number;
  readonly embeddingOf: EmbeddingOf;
  readonly signal: AbortSignal;
  /** Called with the samples of every step and score. */
  readonly onSamples: (count: number) => Promise<void>;
}

/** Short training runs in one engine, each from the untouched start. Their rates are this trainer's, measured. */
export class ShortRuns {
  readonly #engine: TrainingEngine;
  readonly #start: EngineState;
  readonly #recipe: Recipe;
  readonly #context: Context;
  #stepMs = 0;
  #steps = 0;

  private constructor(engine: TrainingEngine, start: EngineState, recipe: Recipe, context: Context) {
    this.#engine = engine;
    this.#start = start;
    this.#recipe = recipe;
    this.#context = context;
  }

  static async open(
    services: { createEngine: CreateEngine; engine: EngineName | "auto" },
    weights: NamedTensors,
    context: Context,
  ): Promise<ShortRuns> {
    const recipe = recipeOf(0);
    const engine = await services.createEngine(engineSpecOf(recipe, weights), { engine: services.engine });
    try {
      return new ShortRuns(engine, await engine.state(), recipe, context);
    } catch (error) {
      await engine.dispose();
      throw error;
    }
  }

  /** Trains from the start on these samples for so many steps, whatever their number: only the data differs. */
  async train(
    samples: readonly Sample[],
    { steps, learningRate }: { steps: number; learningRate: number },
  ): Promise<void> {
    const { seed, embeddingOf, signal, onSamples } = this.#context;
    await this.#engine.restore(this.#start);
    const maker = new BatchMaker({ samples, recipe: this.#recipe, seed, embeddingOf, engine: this.#engine });
    const schedule = { learningRate, warmupSteps, totalSteps: steps };
    const onStep = async ({ milliseconds }: Step): Promise<void> => {
      this.#stepMs += milliseconds;
      this.#steps++;
      await onSamples(batchSize);
    };
    await takeSomeSteps(
      { engine: this.#engine, maker, schedule, signal, onStep },
      { samples: samples.length, steps, seed, batchSize },
    );
  }

  /** IoU of each sample with the weights as they are, at the original size, exact boxes. */
  async score(samples: readonly Sample[]): Promise<number[]> {
    const { embeddingOf, signal, onSamples } = this.#context;
    const scores: number[] = [];
    for (let from = 0; from < samples.length; from += perCall) {
      signal.throwIfAborted();
      const some = samples.slice(from, from + perCall);
      const boxes = some.map(({ annotation }) => annotation.box);
      const { logits } = await this.#engine.predict(await promptBatch(some, boxes, embeddingOf));
      const cells = logits.length / some.length;
      for (const [i, sample] of some.entries()) {
        const size = [sample.image.height, sample.image.width] as const;
        const own = logits.subarray(i * cells, (i + 1) * cells);
        const { rle } = rleAtSize(own, size, { at: [0, 0], size }, fitOf(sample.image));
        scores.push(rleIou(rle, rleOf(sample)));
        await nextTurn();
      }
      await onSamples(some.length);
    }
    return scores;
  }

  /** Seconds of a training sample, and on what. */
  get rates(): { trainSeconds: number; device: string } {
    return {
      trainSeconds: this.#stepMs / 1000 / (this.#steps * batchSize),
      device: this.#engine.device,
    };
  }

  async close(): Promise<void> {
    await this.#engine.dispose();
  }
}

/** The rate that a fine-tune would take from such a start. */
export const rateFrom = (startIou: number): number => recipeOf(startIou).learningRate;

/** A plain recipe, pinned: what auto makes of itself some day must not move old curves. */
const recipeOf = (startIou: number): Recipe =>
  resolveRecipe(
    {
      batch_size: batchSize,
      epochs: 1,
      loss: "dice_bce",
      iou_loss_weight: 0,
      weight_decay: 0.01,
      decay_to: "zero",
      ema_decay: 0,
      train: "all",
      prompts: "box",
      box_jitter: 0.05,
      clip_norm: 1,
    },
    { trainSamples: batchSize, startIou },
  );
