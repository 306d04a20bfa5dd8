import { z } from "@hono/zod-openapi";
import type { Preview } from "../../db/queries/previews.ts";
import { findingCodes, severities, verdictCodes } from "../../domain/preview.ts";
import { iso, isoOrNull, timeText } from "../http/scope.ts";

const interval = z
  .object({ mean: z.number(), low: z.number(), high: z.number() })
  .openapi({ description: "Mean, with its 95 % interval over groups of images." });

const finding = z.object({
  code: z.enum(findingCodes),
  severity: z.enum(severities).openapi({
    description:
      "error: a fine-tune would fail or learn nonsense; warning: worth checking; info: good to know.",
  }),
  message: z.string(),
  image_ids: z.array(z.string()),
  annotation_ids: z.array(z.string()),
});

const estimate = z.object({
  seconds: z.int().openapi({ description: "Estimated duration of a fine-tune with {}, once it starts." }),
  embed_seconds: z.int(),
  train_seconds: z.int(),
  evaluate_seconds: z.int(),
  embeddings_missing: z.int().openapi({ description: "Images that a fine-tune has to encode first." }),
  measured: z.boolean().openapi({
    description: "true: at the speed just measured on this trainer; false: at the speed of two idle cores.",
  }),
  gpu_hours: z.number().nullable().openapi({ description: "Null unless the trainer trains on a GPU." }),
});

const curve = z.object({
  base_iou: z.number().openapi({ description: "IoU of the untuned model on the evaluation images." }),
  points: z.array(
    z.object({
      images: z.int().openapi({ description: "Training images." }),
      iou: interval,
      train_iou: z.number().openapi({ description: "On images that it was trained on." }),
    }),
  ),
  power_law: z
    .object({ scale: z.number(), exponent: z.number() })
    .openapi({ description: "1 - IoU = scale * images ** -exponent." }),
  images_now: z.int().openapi({ description: "Images that a fine-tune trains on now." }),
  gain_from_twice: interval.openapi({ description: "Gain in IoU expected from twice as many images." }),
  by_heart_iou: z.number().openapi({
    description:
      "IoU on 8 masks after long training on those alone at a high learning rate: what the frozen encoder lets the decoder learn.",
  }),
  grid_limit_iou: z.number().openapi({
    description: "IoU of the true masks after the decoder's 256 x 256 grid: an upper bound for any answer.",
  }),
});

export const previewSchema = z
  .object({
    id: z.string(),
    object: z.literal("fine_tune_preview"),
    project_id: z.string(),
    status: z.enum(["queued", "running", "succeeded", "failed", "cancelled"]),
    seed: z.int(),
    progress: z
      .object({ phase: z.enum(["check", "embed", "train"]), done: z.int(), total: z.int() })
      .nullable(),
    result: z
      .object({
        images: z.int().openapi({ description: "Annotated images." }),
        annotations: z.int(),
        groups: z.int(),
        findings: z.array(finding),
        finding_counts: z
          .record(z.string(), z.int())
          .openapi({ description: "Grouped by code, at most 20 of each." }),
        estimate: estimate.nullable().openapi({ description: "Null where the data has errors." }),
        curve: curve.nullable().openapi({ description: "Null where the data has errors or too few groups." }),
        verdict: z.object({ code: z.enum(verdictCodes), message: z.string() }),
      })
      .nullable()
      .openapi({
        description:
          "Present once it has succeeded. Everything but the estimate is determined by the data and the seed.",
      }),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    created_at: timeText,
    started_at: timeText.nullable(),
    finished_at: timeText.nullable(),
  })
  .openapi("FineTunePreview");

export const toPreview = (row: Preview): z.output<typeof previewSchema> => ({
  id: row.id,
  object: "fine_tune_preview",
  project_id: row.projectId,
  status: row.status,
  seed: row.seed,
  progress: row.progress,
  result: row.result && {
    ...row.result,
    finding_counts: { ...row.result.finding_counts },
  },
  error: row.error && { code: row.error.code, message: row.error.message },
  created_at: iso(row.createdAt),
  started_at: isoOrNull(row.startedAt),
  finished_at: isoOrNull(row.finishedAt),
});
