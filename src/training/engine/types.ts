import type { NamedTensors } from "../../checkpoint/named-tensors.ts";

/** An objective by its name: a preset of objective.ts. */
export type LossName = "dice" | "dice_bce" | "focal_dice" | "mse" | "dice_bce_boundary" | "tutorial_mse";
/** What an objective can be a sum of; losses.ts has the formulas. */
export type LossTerm = "dice" | "bce" | "focal" | "mse" | "boundary" | "normalised_mse";
/** The weight of each term; one that is left out does not count. */
export type LossWeights = { readonly [term in LossTerm]?: number | undefined };
export type Loss = LossName | LossWeights;

/** What stays the same for a whole run; the compiled engine traces its graphs from it. */
export interface EngineSpec {
  /** Prompt encoder and mask decoder, Meta's names, shapes as in Meta's checkpoint. */
  readonly weights: NamedTensors;
  /** Which of them are trained (the mask decoder's); the others are frozen. */
  readonly trainable: readonly string[];
  readonly loss: Loss;
  /** Weight of the IoU head's own loss; 0 by default, and then the head is not trained. */
  readonly iouLossWeight?: number;
  /** Samples of one optimizer step, always exactly so many. */
  readonly batchSize: number;
  /** Sparse prompt tokens of one sample of a step: 2 for a box; where their number differs, the most there are. */
  readonly points: number;
  /** Whether tokens may be absent (label -2), as prompts of different lengths need it; false by default. */
  readonly absentTokens?: boolean;
  /** Whether the batches of steps bring mask prompts; false by default. */
  readonly maskPrompts?: boolean;
  /** AdamW: decoupled decay, per step `w -= lr * decay * w`. */
  readonly weightDecay: number;
  /** "base": `w -= lr * decay * (w - start)` instead, `start` being `weights`; "zero" by default. */
  readonly decayTo?: "zero" | "base";
  /**
   * Decay of the weights' exponential moving average, in [0, 1); 0, the default, for none. With one, predictions and
   * the weights that an engine gives are the average's.
   */
  readonly emaDecay?: number;
  /** Gradients are scaled down to this global L2 norm; Infinity for none. */
  readonly clipNorm: number;
  /** Where "auto" may not decide: 0 lets the engine choose its thread count. */
  readonly threads?: number;
}

/** Samples with their prompts; B is their number. All arrays are row-major. */
export interface PromptBatch {
  /** One [64,64,256] embedding a sample. */
  readonly embeddings: readonly Float32Array[];
  /** [B, points, 2], x then y, in pixels of SAM's 1024 frame, before the half-pixel shift. */
  readonly coords: Float32Array;
  /** [B, points]: 1 foreground, 0 background, 2 and 3 box corners, -1 padding, -2 absent. */
  readonly labels: Float32Array;
  /** [B, 256, 256] low-res logits of an earlier answer as mask prompts. */
  readonly masks?: Float32Array;
  /** [B]: 1 where a sample has a mask prompt, else 0; left out, all have one if there are `masks`. */
  readonly hasMask?: Float32Array;
}

export interface TrainBatch extends PromptBatch {
  /** [B, 256, 256]: the share of foreground in each low-res cell, in [0, 1]. */
  readonly targets: Float32Array;
  /** [B, 256, 256]: 1 where the cell lies on the image, 0 on the padding; the loss looks at ones only. */
  readonly valid: Float32Array;
  /** [B, 256, 256]: nearness to the mask's edge, in [0, 1]; only an objective with the term `boundary` wants it. */
  readonly edges?: Float32Array;
}

export interface StepResult {
  readonly loss: number;
  /** Global L2 norm before clipping. */
  readonly gradientNorm: number;
}

export interface DecoderOutput {
  /** [B, 256, 256] low-res logits of mask token 0. */
  readonly logits: Float32Array;
  /** [B] IoU predictions of mask token 0. */
  readonly iou: Float32Array;
}

/** All that an engine needs, beside its spec, to go on bit for bit where another of the same name stopped. */
export interface EngineState {
  /** Optimizer steps taken. */
  readonly steps: number;
  /**
   * Trained weights by their names, as the engine gives them, and the moments of AdamW under `first/<name>` and
   * `second/<name>`; with a moving average, the weights that steps go on from are under `raw/<name>`.
   */
  readonly tensors: NamedTensors;
}

/**
 * One decoder in training. Two implementations give the same loss curve to 1e-3 on the same seed:
 * `compiled` (the traced step in onnxruntime) and `eager` (tfjs ops as they come).
 * Both run in a worker thread of their own behind the same calls, so no call blocks the caller's event loop.
 */
export interface TrainingEngine {
  readonly name: "compiled" | "eager";
  /** What it runs on, for people: `onnxruntime 1.30 cpu, 2 threads`. */
  readonly device: string;
  /** One optimizer step, its number counted from 1 inside. */
  step(batch: TrainBatch, learningRate: number): Promise<StepResult>;
  /**
   * Forward only, with the weights as they are now; any number of samples, and of tokens each (the same for all of
   * them), with mask prompts or without, whatever the steps take.
   */
  predict(batch: PromptBatch): Promise<DecoderOutput>;
  /** A copy of all weights as they are now. */
  weights(): Promise<NamedTensors>;
  /** A copy of the weights that are trained and of the optimizer's memory. */
  state(): Promise<EngineState>;
  /** Goes back to a state of an engine with the same spec. Throws an Error naming a tensor that is missing or does not fit. */
  restore(state: EngineState): Promise<void>;
  dispose(): Promise<void>;
}

export type EngineName = TrainingEngine["name"];

/** What an engine must run on; `auto` leaves it to what there is. */
export type TrainerDevice = "auto" | "cpu" | "gpu";

/** Throws when the engine that was asked for can't run here, naming what is missing. */
export type CreateEngine = (
  spec: EngineSpec,
  options?: { engine?: EngineName | "auto" },
) => Promise<TrainingEngine>;
