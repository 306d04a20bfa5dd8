import { z } from "zod";
import { AppError } from "../lib/errors.ts";
import { guidedSchema, zoomSchema } from "./focus.ts";
import { pathText } from "../lib/text.ts";

/** Annotated images that a fine-tune needs: one to learn from, one to choose the best epoch by, one to measure on. */
export const fewestAnnotatedImages = 3;

/** What a version may cost its callers: quick answers, or whatever the best masks take. */
export const servings = ["interactive", "best"] as const;
export type Serving = (typeof servings)[number];

const auto = <T extends z.ZodType>(value: T) => z.union([z.literal("auto"), value]).optional();

const weight = z.number().min(0).max(100).optional();

/** The terms of an objective and their weights; training/engine/losses.ts has the formulas. */
const lossWeights = z
  .strictObject({ dice: weight, bce: weight, focal: weight, mse: weight, boundary: weight })
  .refine((weights) => Object.values(weights).some((value) => (value ?? 0) > 0), {
    message: "at least one term needs a weight above 0",
  });

const fields = z.strictObject({
  /**
   * What fills the names that are left out or "auto". "tutorial" is the recipe of the much copied fine-tuning tutorial
   * of April 2023, to compare with: Adam's defaults (rate 1e-3, no decay, no schedule), one sample a step, exact boxes,
   * and the loss `tutorial_mse`.
   */
  recipe: auto(z.enum(["tutorial"])),
  /**
   * How long "auto" may take, in seconds of two cores; work is counted at fixed rates, not timed, so that the same data
   * gives the same version on any machine. 300 by default.
   */
  budget_seconds: auto(z.number().min(10).max(86_400)),
  /**
   * What answers may cost. "interactive", the default: at most one encode for a new prompt, and 1.5 times what the base
   * takes with all embeddings in memory; so one window, but no tiles. "best" takes what makes the best masks. Where tiles
   * are asked for by `zoom`, "auto" is "best".
   */
  serving: auto(z.enum(servings)),
  /**
   * Which images stand on one side of the split: "auto" also those that show the same, such as copies, crops, overlapping
   * tiles and frames of one scene; "none" only those of one group of the data.
   */
  grouping: auto(z.enum(["none"])),
  /**
   * What finds objects without prompts (see docs/find.md): "auto" trains one where its training counts for no more
   * than 15 % of the fine-tune's budget, "always" or a number of steps at any rate, "none" never.
   */
  finder: auto(z.union([z.enum(["none", "always"]), z.int().min(20).max(10_000)])),
  /**
   * Whether the recipe that won is trained once more on all annotated images, those that judged it among them, before the
   * version is served. "auto" does so where it looks closer than at the whole image, unless the recipe was given by hand.
   */
  refit: auto(z.boolean()),
  /** Which part of an image is encoded for a prompt: all of it, or a window round the prompt, perhaps in tiles. */
  zoom: z.union([z.literal("auto"), z.literal("none"), zoomSchema.omit({ click_side: true })]).optional(),
  /** How masks are sharpened: by a guided filter along the image's edges, or "points", by a point head that is trained for it. */
  refine: z.union([z.literal("auto"), z.literal("none"), z.literal("points"), guidedSchema]).optional(),
  /** Passes over the training samples, at most; the best one is kept. A number here is a recipe by hand: no search. */
  epochs: auto(z.int().min(1).max(200)),
  /** The peak of the schedule. */
  learning_rate: auto(z.number().min(1e-7).max(0.1)),
  /** Samples of one optimizer step. */
  batch_size: auto(z.int().min(1).max(16)),
  /** An objective by name, or its terms and their weights. */
  loss: z
    .union([
      z.literal("auto"),
      z.enum(["dice", "dice_bce", "focal_dice", "mse", "dice_bce_boundary", "tutorial_mse"]),
      lossWeights,
    ])
    .optional(),
  /** Weight of the loss on the IoU prediction, which keeps scores true to the tuned masks; 0 leaves its head as it is. */
  iou_loss_weight: auto(z.number().min(0).max(100)),
  weight_decay: auto(z.number().min(0).max(1)),
  /** Where weights decay to: zero, or the weights that the fine-tune starts from. */
  decay_to: auto(z.enum(["zero", "base"])),
  /** Decay of a moving average of the weights by step, which is what is scored and kept; 0 for none. */
  ema_decay: auto(z.number().min(0).max(0.9999)),
  /** Which part of the mask decoder is trained. */
  train: auto(z.enum(["all", "heads", "last", "biases"])),
  /** What prompts the samples: boxes, or boxes, clicks, corrective clicks and earlier masks as in SAM's own training. */
  prompts: auto(z.enum(["box", "mixed"])),
  /** Standard deviation of the boxes' noise as a share of their sides. */
  box_jitter: auto(z.number().min(0).max(0.5)),
  /**
   * Flipped copies of the training samples, each with an embedding of its own: "x" mirrors left to right, "all" also
   * upside down and both. "auto" tries "x" where the budget has room for the encoding, and else does without.
   */
  flips: auto(z.enum(["none", "x", "all"])),
  /**
   * Samples as they are, or mirrored and turned by right angles anew in every step, "all": their embeddings are turned
   * along, which takes no encode.
   */
  turns: auto(z.enum(["none", "all"])),
  /** How the learning rate goes down after its climb. */
  schedule: auto(z.enum(["cosine", "constant"])),
  /** Gradients are scaled down to this global norm. */
  clip_norm: auto(z.number().min(1e-3).max(1e6)),
  /** Optimizer steps in which the learning rate climbs. */
  warmup_steps: auto(z.int().min(0).max(10_000)),
  /** Epochs without a better one before training stops. */
  patience: auto(z.int().min(1).max(200)),
});

const inTiles = (zoom: z.infer<typeof fields>["zoom"]): boolean => typeof zoom === "object" && zoom.tiles > 1;

/**
 * What a caller may set of a fine-tune; each is a value or "auto", and a name that is left out is "auto".
 * It stands here because rows that plain SQL inserted are read by the same rules as requests.
 */
export const hyperparametersSchema = fields.refine(
  ({ serving, zoom }) => serving !== "interactive" || !inTiles(zoom),
  {
    path: ["zoom", "tiles"],
    message:
      'tiles take an encode each for a new prompt, which serving "interactive" rules out; ask for "best"',
  },
);

export type Hyperparameters = z.infer<typeof hyperparametersSchema>;

/** What answers may cost, no "auto" left. */
export const servingOf = ({ serving, zoom }: Hyperparameters): Serving =>
  serving !== undefined && serving !== "auto" ? serving : inTiles(zoom) ? "best" : "interactive";

/** Throws AppError `hyperparameter_invalid`, its param the path of the first that is wrong. */
export function parseHyperparameters(value: unknown): Hyperparameters {
  const result = hyperparametersSchema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const param = pathText(["hyperparameters", ...(issue?.path ?? [])]);
  throw new AppError("hyperparameter_invalid", `${param}: ${issue?.message ?? "not valid"}`, { param });
}
