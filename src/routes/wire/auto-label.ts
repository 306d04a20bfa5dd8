import { z } from "@hono/zod-openapi";
import type { AskedAutoLabel } from "../../actions/start-auto-label.ts";
import type { AutoLabel } from "../../db/queries/auto-labels.ts";
import { mostFailuresTold, mostObjects, usualObjects } from "../../domain/auto-label.ts";
import { iso, isoOrNull, text, timeText } from "../http/scope.ts";
import { versionName } from "./version-name.ts";

export const autoLabelBody = z.strictObject({
  version: versionName
    .default("active")
    .openapi({ description: "The version that finds: active or a number." }),
  threshold: z.number().min(0).max(1).optional().openapi({
    description: "The label_score from which objects are proposed. Defaults to the version's own.",
  }),
  max_objects: z.int().min(1).max(mostObjects).default(usualObjects).openapi({
    description: "Maximum number of objects per image; those with the highest label_score are kept.",
  }),
  labels: z.array(text(200).nullable()).min(1).max(100).optional().openapi({
    description:
      "Labels to look for, case and plural forgiven; null stands for objects without a label. Defaults to all that the version knows.",
  }),
});

export const toAsked = (body: z.output<typeof autoLabelBody>): AskedAutoLabel => ({
  version: body.version,
  threshold: body.threshold ?? null,
  maxObjects: body.max_objects,
  labels: body.labels ?? null,
});

export const autoLabelSchema = z
  .object({
    id: z.string(),
    object: z.literal("auto_label"),
    project_id: z.string(),
    status: z.enum(["queued", "running", "succeeded", "failed", "cancelled"]),
    version: z.int(),
    threshold: z.number().nullable().openapi({ description: "null: the version's own." }),
    max_objects: z.int(),
    labels: z.array(z.string().nullable()).nullable().openapi({ description: "null: all." }),
    progress: z
      .object({
        done: z.int(),
        total: z.int(),
        eta_seconds: z.int().nullable().openapi({ description: "Seconds left, while it runs." }),
      })
      .nullable()
      .openapi({ description: "In images; null before it has begun." }),
    found: z.int().openapi({ description: "Proposals that it has made." }),
    left_out: z.int().openapi({ description: "Objects that `max_objects` left out, over all images." }),
    skipped: z.int().openapi({ description: "Images that were deleted or annotated in the meantime." }),
    failed: z.int().openapi({ description: "Images that could not be read." }),
    failures: z
      .array(z.object({ image_id: z.string(), code: z.string(), message: z.string() }))
      .openapi({ description: `The first ${mostFailuresTold} of the failed images.` }),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    created_at: timeText,
    started_at: timeText.nullable(),
    finished_at: timeText.nullable(),
  })
  .openapi("AutoLabel");

export const toAutoLabel = (row: AutoLabel): z.output<typeof autoLabelSchema> => ({
  id: row.id,
  object: "auto_label",
  project_id: row.projectId,
  status: row.status,
  version: row.version,
  threshold: row.threshold,
  max_objects: row.maxObjects,
  labels: row.labels,
  progress:
    row.imagesTotal === null
      ? null
      : {
          done: row.imagesDone,
          total: Math.max(row.imagesTotal, row.imagesDone),
          eta_seconds: row.etaSeconds,
        },
  found: row.found,
  left_out: row.leftOut,
  skipped: row.imagesSkipped,
  failed: row.imagesFailed,
  failures: row.failures.map((failure) => ({ ...failure })),
  error: row.error && { code: row.error.code, message: row.error.message },
  created_at: iso(row.createdAt),
  started_at: isoOrNull(row.startedAt),
  finished_at: isoOrNull(row.finishedAt),
});
