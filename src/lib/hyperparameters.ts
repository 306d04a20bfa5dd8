import { z } from "zod";
import { AppError } from "./errors.ts";
import { pathText } from "./text.ts";

/** Annotated images that a fine-tune needs: one to learn from, one to choose the best epoch by, one to measure on. */
export const fewestAnnotatedImages = 3;

const auto = <T extends z.ZodType>(value: T) => z.union([z.literal("auto"), value]).optional();

/**
 * What a caller may set of a fine-tune; each is a value or "auto", and a name that is left out is "auto".
 * It stands here because rows that plain SQL inserted are read by the same rules as requests.
 */
export const hyperparametersSchema = z.strictObject({
  /** Passes over the training samples, at most; the best one is kept. */
  epochs: auto(z.int().min(1).max(200)),
  /** The peak of the schedule. */
  learning_rate: auto(z.number().min(1e-7).max(0.1)),
  /** Samples of one optimizer step. */
  batch_size: auto(z.int().min(1).max(16)),
  loss: auto(z.enum(["dice_bce", "focal_dice", "mse"])),
  weight_decay: auto(z.number().min(0).max(1)),
  /** Gradients are scaled down to this global norm. */
  clip_norm: auto(z.number().min(1e-3).max(1e6)),
  /** Optimizer steps in which the learning rate climbs. */
  warmup_steps: auto(z.int().min(0).max(10_000)),
  /** Epochs without a better one before training stops. */
  patience: auto(z.int().min(1).max(200)),
});

export type Hyperparameters = z.infer<typeof hyperparametersSchema>;

/** Throws AppError `hyperparameter_invalid`, its param the path of the first that is wrong. */
export function parseHyperparameters(value: unknown): Hyperparameters {
  const result = hyperparametersSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const param = pathText(["hyperparameters", ...(issue?.path ?? [])]);
  throw new AppError("hyperparameter_invalid", `${param}: ${issue?.message ?? "not valid"}`, { param });
}
