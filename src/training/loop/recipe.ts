import type { Hyperparameters } from "../../domain/hyperparameters.ts";
import { type Flip, flips } from "../../imaging/flips.ts";
import type { TrainableGroup } from "../../checkpoint/layout.ts";
import type { Loss } from "../engine/types.ts";
import { lossText } from "../engine/objective.ts";
import type { Schedule } from "./schedule.ts";

/** Every number of a run, nothing left to "auto". Counts, never clocks: the same data gives the same run. */
export interface Recipe {
  readonly epochs: number;
  readonly learningRate: number;
  readonly batchSize: number;
  readonly loss: Loss;
  /** Weight of the IoU head's loss; 0 for none. */
  readonly iouLossWeight: number;
  readonly weightDecay: number;
  readonly decayTo: "zero" | "base";
  /** 0 for no moving average. */
  readonly emaDecay: number;
  readonly train: TrainableGroup;
  readonly prompts: "box" | "mixed";
  readonly clipNorm: number;
  readonly warmupSteps: number;
  readonly schedule: NonNullable<Schedule["shape"]>;
  readonly patience: number;
  /** Samples of one epoch; a larger training set shows another part of itself in each. */
  readonly samplesPerEpoch: number;
  /** Standard deviation of the box noise as a share of the side. */
  readonly jitter: number;
  /** Every training sample is also seen like this. */
  readonly flips: readonly Flip[];
  /** Whether a step sees each sample mirrored and turned as it comes, its embedding turned along (prompts/turns.ts). */
  readonly turns: boolean;
}

/**
 * Samples that a run looks at in all. One took 58 ms of the compiled engine on two quiet cores (batch 4, choosing
 * included), so this is half a minute; on 22 stamps, half as many again brought nothing (.402 after .408).
 */
const sampleBudget = 440;
const fewestEpochs = 8;
const mostEpochs = 40;
const longestEpoch = 400;

/**
 * A start that is right for the most part already is moved with care, another boldly. Measured on seven data sets
 * (six epochs at a constant rate): the four that began between .11 and .28 ended .01 to .03 higher with 3e-4 than
 * with 1e-4, the one that began at .68 lower; for the other two it made no difference.
 */
const learningRateFrom = (startIou: number): number => (isRough(startIou) ? 3e-4 : 1e-4);
/** Whether a start of this mean IoU is wrong for the most part. */
export const isRough = (startIou: number): boolean => startIou < 0.5;

/**
 * The tutorial's: torch.optim.Adam's defaults and one sample a step; a norm of 1e6 is never reached, so nothing is
 * clipped. What is ours even so: the best epoch is kept, the low-res masks are compared, and see objective.ts for
 * what its loss really does.
 */
const tutorial: Hyperparameters = {
  learning_rate: 1e-3,
  batch_size: 1,
  loss: "tutorial_mse",
  iou_loss_weight: 0,
  prompts: "box",
  weight_decay: 0,
  clip_norm: 1e6,
  warmup_steps: 0,
  schedule: "constant",
  box_jitter: 0,
  patience: 200,
};

const flipsOf: Readonly<Record<"none" | "x" | "all", readonly Flip[]>> = {
  none: [],
  x: ["x"],
  all: flips,
};

const chosen = <T>(value: T | "auto" | undefined): value is T => value !== undefined && value !== "auto";

/** What was asked for, the rest from the named recipe, if there is one. */
function withPreset(asked: Hyperparameters): Hyperparameters {
  if (asked.recipe !== "tutorial") return asked;
  return { ...tutorial, ...Object.fromEntries(Object.entries(asked).filter(([, value]) => chosen(value))) };
}

/**
 * Fills what is "auto" or left out.
 * @param trainSamples at least one
 * @param startIou mean IoU of the start on samples that are not held out
 * @param longest samples of one epoch at most
 */
export function resolveRecipe(
  given: Hyperparameters,
  {
    trainSamples,
    startIou,
    longest = longestEpoch,
  }: { trainSamples: number; startIou: number; longest?: number },
): Recipe {
  const asked = withPreset(given);
  const choose = <T>(value: T | "auto" | undefined, fallback: T): T => (chosen(value) ? value : fallback);
  const samplesPerEpoch = Math.min(trainSamples, longest, longestEpoch);
  const batchSize = Math.min(choose(asked.batch_size, trainSamples < 8 ? 2 : 4), trainSamples);
  const epochs = choose(
    asked.epochs,
    Math.max(fewestEpochs, Math.min(mostEpochs, Math.round(sampleBudget / samplesPerEpoch))),
  );
  const steps = epochs * stepsPerEpoch(samplesPerEpoch, batchSize);
  return {
    epochs,
    learningRate: choose(asked.learning_rate, learningRateFrom(startIou)),
    batchSize,
    loss: choose(asked.loss, "dice_bce"),
    iouLossWeight: choose(asked.iou_loss_weight, 0.1),
    weightDecay: choose(asked.weight_decay, 0.01),
    decayTo: choose(asked.decay_to, "zero"),
    emaDecay: choose(asked.ema_decay, 0),
    train: choose(asked.train, "all"),
    // A version that only knows boxes would lose for those who click, and the gate would hold it back.
    prompts: choose(asked.prompts, "mixed"),
    clipNorm: choose(asked.clip_norm, 1),
    warmupSteps: choose(asked.warmup_steps, Math.min(50, Math.floor(steps / 10))),
    schedule: choose(asked.schedule, "cosine"),
    // The cosine's last, small steps are the best ones: stop early only where nothing has got better for long.
    patience: choose(asked.patience, Math.max(4, Math.ceil(epochs / 3))),
    samplesPerEpoch,
    jitter: choose(asked.box_jitter, 0.05),
    flips: flipsOf[choose(asked.flips, "none")],
    turns: choose(asked.turns, "none") === "all",
  };
}

/** Optimizer steps of one epoch; the last batch is filled from the epoch's beginning. */
export const stepsPerEpoch = (samples: number, batchSize: number): number => Math.ceil(samples / batchSize);

/** Samples of all epochs, if none is left out. */
export const samplesInAll = ({ epochs, samplesPerEpoch, batchSize }: Recipe): number =>
  epochs * stepsPerEpoch(samplesPerEpoch, batchSize) * batchSize;

/** The recipe as the API tells it. */
export const recipeAsUsed = (recipe: Recipe): Record<string, string | number> => ({
  epochs: recipe.epochs,
  learning_rate: recipe.learningRate,
  batch_size: recipe.batchSize,
  loss: lossText(recipe.loss),
  iou_loss_weight: recipe.iouLossWeight,
  weight_decay: recipe.weightDecay,
  decay_to: recipe.decayTo,
  ema_decay: recipe.emaDecay,
  train: recipe.train,
  prompts: recipe.prompts,
  clip_norm: recipe.clipNorm,
  warmup_steps: recipe.warmupSteps,
  schedule: recipe.schedule,
  patience: recipe.patience,
  samples_per_epoch: recipe.samplesPerEpoch,
  box_jitter: recipe.jitter,
  flips: recipe.flips.length > 1 ? "all" : (recipe.flips[0] ?? "none"),
  turns: recipe.turns ? "all" : "none",
});

/** The learning rate's way through the whole run. */
export const scheduleOf = (recipe: Recipe): Schedule => ({
  learningRate: recipe.learningRate,
  warmupSteps: recipe.warmupSteps,
  totalSteps: recipe.epochs * stepsPerEpoch(recipe.samplesPerEpoch, recipe.batchSize),
  shape: recipe.schedule,
});
