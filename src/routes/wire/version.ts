import { z } from "@hono/zod-openapi";
import { decoderAloneOf, type Version } from "../../db/queries/versions.ts";
import type { HeldOutScores } from "../../domain/evaluation.ts";
import { promotionPolicies } from "../../domain/gate.ts";
import type { VersionMetrics } from "../../domain/version.ts";
import { baseChoiceSchema, toBaseChoice } from "./base-choice.ts";
import { type Detail, evaluationSchema, toEvaluation } from "./evaluation.ts";
import { focusSchema } from "../../domain/focus.ts";
import { finderMetricsSchema, finderSchema, toFinder, toFinderMetrics } from "./finder.ts";
import { iso, timeText } from "../http/scope.ts";
import { latencySchema, servingSchema, toLatency, toServing } from "./serving.ts";
import { toTrials, trialsSchema } from "./trials.ts";

/** Which held-out annotation a picture shows. */
export const pictureKinds = ["best", "median", "worst"] as const;

const scores = z.object({ mean_iou: z.number(), mean_dice: z.number() });

/** What was measured of a version that a fine-tune made. */
export const metricsSchema = z.object({
  held_out: z
    .object({
      images: z.int(),
      annotations: z.int(),
      base: scores,
      parent: scores
        .optional()
        .openapi({ description: "Scores of parent_version, if that is not the base." }),
      tuned: scores.openapi({ description: "Scores as served, with the version's focus." }),
      decoder_alone: scores.nullable().openapi({
        description:
          "Scores of the decoder alone on the whole image, without window, filter or point head, as exported files that contain only the decoder perform. Equal to tuned if focus is plain; null for older versions, where it was not measured.",
      }),
    })
    .openapi({ description: "All on the same images, which no training step used." }),
  split: z.object({
    train: z.int(),
    selection: z.int(),
    held_out: z.int(),
    near_duplicates: z.int().openapi({
      description: "Near-duplicate images, kept on the same side of the split.",
    }),
  }),
  best_epoch: z.int(),
  feedback: z
    .object({
      corrected: z.int().openapi({ description: "Training annotations that come from corrections." }),
      accepted: z.int().openapi({ description: "Training annotations that come from accepted masks." }),
      prompts: z.int().openapi({ description: "Prompts in all training steps." }),
      real_prompts: z.int().openapi({
        description:
          "Those among them that imitate people's prompts: a logged prompt for the same object, or a box as far off the tight one as people's boxes are.",
      }),
    })
    .optional()
    .openapi({
      description: "What people's feedback contributed to training; missing for older versions.",
    }),
  trials: trialsSchema,
  base_choice: baseChoiceSchema.optional().openapi({
    description: "What the base models came to, if this version's fine-tune chose the project's.",
  }),
  curve: z.array(
    z.object({
      epoch: z.int(),
      train_loss: z.number().nullable(),
      selection_iou: z.number(),
      selection_iou_low: z.number().nullable().openapi({
        description:
          "Lower end of its 95 % interval over images; null if it rests on a single image, and for older versions.",
      }),
      selection_iou_high: z.number().nullable(),
    }),
  ),
  per_annotation: z
    .array(
      z.object({
        image_id: z.string(),
        annotation_id: z.string(),
        base_iou: z.number(),
        tuned_iou: z.number(),
      }),
    )
    .optional()
    .openapi({ description: "Only when a single version is requested." }),
  gate: z
    .object({
      policy: z.enum(promotionPolicies),
      promote: z.boolean(),
      reason: z.string(),
      warnings: z.array(z.string()).openapi({ description: "Kinds of prompts with a loss." }),
    })
    .optional()
    .openapi({ description: "Whether it may go live automatically; promotions record what was done." }),
  latency: latencySchema.optional(),
  serving: servingSchema.optional(),
  finder: finderMetricsSchema.optional(),
  evaluation: evaluationSchema
    .optional()
    .openapi({ description: "Missing for older versions, as are latency and serving." }),
});

export const versionSchema = z
  .object({
    id: z.string(),
    object: z.literal("version"),
    number: z.int(),
    status: z
      .enum(["active", "inactive"])
      .openapi({ description: "Whether it is active: the version predict uses by default." }),
    fine_tune_id: z.string().nullable().openapi({ description: "null for an uploaded version." }),
    imported: z
      .object({
        format: z.enum(["safetensors", "pth", "onnx"]),
        file_name: z.string().nullable(),
        sha256: z.string(),
        bytes: z.int(),
        says: z
          .record(z.string(), z.string())
          .openapi({ description: "What the file says about itself, unverified." }),
        notes: z.array(z.string()).openapi({
          description:
            "For people: what was left out of the file or decided when it was read, such as tensors outside the model, which of several models was read, an image encoder that is not used, a prompt encoder taken from the base.",
        }),
        focus: z.enum(["restored", "plain", "unknown"]).openapi({
          description:
            "Where the version's focus comes from. restored: from the file, with window and refining; plain: the file says that it has none; unknown: the file says nothing, so it is used on whole images.",
        }),
        actor: z.string().openapi({ description: "The id of the key that sent it." }),
      })
      .nullable()
      .openapi({ description: "The uploaded file; null for a version from a fine-tune." }),
    base_model: z.string(),
    parent_version: z
      .int()
      .nullable()
      .openapi({ description: "The version that training started from; null means the base." }),
    metrics: metricsSchema
      .nullable()
      .openapi({ description: "null for an uploaded version: nothing was measured." }),
    pictures: z.array(z.object({ kind: z.enum(pictureKinds), url: z.string() })).openapi({
      description:
        "Before, after and ground truth of held-out annotations, ordered by gain; missing for older versions.",
    }),
    snapshot_hash: z
      .string()
      .nullable()
      .openapi({ description: "Hash of the data that it was trained and measured on." }),
    hyperparameters: z
      .record(z.string(), z.unknown())
      .openapi({ description: "The values used; none is auto." }),
    // A copy: what was made before zod-openapi was loaded has no such method.
    focus: focusSchema.clone().openapi({
      description:
        "How it looks at images: the window that is encoded for a prompt (null: the whole image), and the guided filter or the point head, a small network of its own, that sharpens its masks (null: none). Predict honours it.",
    }),
    finder: finderSchema.nullable().openapi({
      description:
        "What finds its objects without prompts, by their labels; null for a version that can't find.",
    }),
    refit: z
      .object({
        images: z.int().openapi({ description: "All annotated images." }),
        annotations: z.int(),
        samples: z.int().openapi({ description: "Training samples of this last training." }),
        twin: z.object({
          weights: z.object({ sha256: z.string(), bytes: z.int() }),
        }),
      })
      .nullable()
      .openapi({
        description:
          "After its verdict, the winning recipe was trained once more on all annotated images, including those held out, and the result is what predict serves. All metrics and pictures are those of its twin, the weights as they were before, which never saw the held-out images. Null if it is served as it was measured.",
      }),
    seed: z.int().nullable(),
    engine: z.string().nullable(),
    weights: z.object({ sha256: z.string(), bytes: z.int() }),
    created_at: timeText,
  })
  .openapi("Version");

function toMetrics(
  metrics: VersionMetrics,
  alone: HeldOutScores | null,
  detail: Detail,
): z.output<typeof metricsSchema> {
  const { heldOut, split, curve, perAnnotation, bestEpoch, feedback, trials, evaluation, gate } = metrics;
  const { baseChoice, latency, serving, finder } = metrics;
  const toScores = (of: typeof heldOut.base) => ({ mean_iou: of.meanIou, mean_dice: of.meanDice });
  const rows = perAnnotation.map((one) => ({
    image_id: one.imageId,
    annotation_id: one.annotationId,
    base_iou: one.baseIou,
    tuned_iou: one.tunedIou,
  }));
  return {
    held_out: {
      images: heldOut.images,
      annotations: heldOut.annotations,
      base: toScores(heldOut.base),
      ...(heldOut.parent && { parent: toScores(heldOut.parent) }),
      tuned: toScores(heldOut.tuned),
      decoder_alone: alone ? toScores(alone) : null,
    },
    split: {
      train: split.train,
      selection: split.selection,
      held_out: split.heldOut,
      near_duplicates: split.nearDuplicates ?? 0,
    },
    best_epoch: bestEpoch,
    ...(feedback && {
      feedback: {
        corrected: feedback.corrected,
        accepted: feedback.accepted,
        prompts: feedback.prompts,
        real_prompts: feedback.realPrompts,
      },
    }),
    trials: toTrials(trials ?? []),
    ...(baseChoice && { base_choice: toBaseChoice(baseChoice) }),
    curve: curve.map((at) => ({
      epoch: at.epoch,
      train_loss: at.trainLoss,
      selection_iou: at.selectionIou,
      selection_iou_low: at.selectionInterval?.low ?? null,
      selection_iou_high: at.selectionInterval?.high ?? null,
    })),
    ...(detail === "full" && { per_annotation: rows }),
    ...(gate && { gate }),
    ...(latency && { latency: toLatency(latency) }),
    ...(serving && { serving: toServing(serving) }),
    ...(finder && { finder: toFinderMetrics(finder) }),
    ...(evaluation && { evaluation: toEvaluation(evaluation, detail) }),
  };
}

const focusSaid = (says: Readonly<Record<string, string>>): "restored" | "plain" | "unknown" => {
  if (says["focus"] !== undefined) return "restored";
  return says["made_by"] === "maskwright" ? "plain" : "unknown";
};

export function toVersion(
  row: Version,
  active: number | null,
  detail: Detail,
): z.output<typeof versionSchema> {
  return {
    id: row.id,
    object: "version",
    number: row.number,
    status: row.number === active ? "active" : "inactive",
    fine_tune_id: row.fineTuneId,
    imported: row.imported && {
      format: row.imported.format,
      file_name: row.imported.fileName,
      sha256: row.imported.sha256,
      bytes: row.imported.bytes,
      says: row.imported.says,
      notes: row.imported.notes ?? [],
      focus: focusSaid(row.imported.says),
      actor: row.imported.actor,
    },
    base_model: row.baseModel,
    parent_version: row.parentVersion,
    metrics: row.metrics && toMetrics(row.metrics, decoderAloneOf(row), detail),
    pictures: (row.metrics?.pictures ?? []).map(({ kind }) => ({
      kind,
      url: `/v1/projects/${row.projectId}/versions/${row.number}/pictures/${kind}`,
    })),
    snapshot_hash: row.snapshotHash,
    hyperparameters: row.hyperparameters,
    focus: row.focus,
    finder: toFinder(row.finder),
    refit: row.refit && {
      images: row.refit.images,
      annotations: row.refit.annotations,
      samples: row.refit.samples,
      twin: { weights: { sha256: row.refit.twin.weightsSha256, bytes: row.refit.twin.weightsBytes } },
    },
    seed: row.seed,
    engine: row.engine,
    weights: { sha256: row.weightsSha256, bytes: row.weightsBytes },
    created_at: iso(row.createdAt),
  };
}
