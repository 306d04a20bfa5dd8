import { z } from "@hono/zod-openapi";
import type { Preview } from "../../db/queries/previews.ts";
import { findingCodes, severities, verdictCodes } from "../../domain/preview.ts";
import { iso, isoOrNull, timeText } from "../http/scope.ts";

const interval = z
  .object({ mean: z.number(), low: z.number(), high: z.number() })
  .openapi({ description: "With its 95 % interval over groups of images." });

const finding = z.object({
  code: z.enum(findingCodes),
  severity: z.enum(severities).openapi({
    description: "error: a fine-tune would fail or learn nonsense; warning: look at it; info: good to know.",
  }),
  message: z.string(),
  image_ids: z.array(z.string()),
  annotation_ids: z.array(z.string()),
});

const estimate = z.object({
  seconds: z.int().openapi({ description: "Of a fine-tune with {}, once it starts." }),
  embed_seconds: z.int(),
  train_seconds: z.int(),
  evaluate_seconds: z.int(),
  embeddings_missing: z.int().openapi({ description: "Images that a fine-tune has to encode first." }),
  measured: z.boolean().openapi({
    description: "True: at the speed that this trainer had just now. False: at that of two quiet cores.",
  }),
  gpu_hours: z.number().nullable().openapi({ description: "Null unless the trainer trains on a GPU." }),
});

const curve = z.object({
  base_iou: z.number().openapi({ description: "Of the untuned model on the images that judge." }),
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
  gain_from_twice: interval.openapi({ description: "IoU that twice as many images promise." }),
  by_heart_iou: z.number().openapi({
    description:
      "On 8 masks after long and bold training on these alone: what the frozen encoder lets it learn.",
  }),
  grid_limit_iou: z.number().openapi({
    description: "Of the truth itself after the decoder's 256 x 256 grid: no answer gets above it.",
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
        images: z.int().openapi({ description: "Annotated ones." }),
        annotations: z.int(),
        groups: z.int(),
        findings: z.array(finding),
        finding_counts: z
          .record(z.string(), z.int())
          .openapi({ description: "By code; of one code at most 20 are listed." }),
        estimate: estimate.nullable().openapi({ description: "Null where the data has errors." }),
        curve: curve.nullable().openapi({ description: "Null where the data has errors or too few groups." }),
        verdict: z.object({ code: z.enum(verdictCodes), message: z.string() }),
      })
      .nullable()
      .openapi({
        description: "Once it has succeeded. All but the estimate follows from data and seed alone.",
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
