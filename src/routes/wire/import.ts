import { z } from "@hono/zod-openapi";
import type { Import } from "../../db/queries/imports.ts";
import type { ImportOptions } from "../../domain/data-import.ts";
import { iso, isoOrNull, timeText } from "../http/scope.ts";

const flag = z.enum(["true", "false"]).transform((value) => value === "true");

/** What a request for an import may ask for, in its query. */
export const importQuery = z.object({
  dry_run: flag.optional().openapi({
    description:
      "`true`: nothing is stored; the import reports what would be imported and what would be left out.",
  }),
  masks: z.enum(["auto", "binary", "instances", "classes"]).optional().openapi({
    description: "What the values in mask files mean; `auto` infers it from them.",
  }),
  split_parts: flag.optional().openapi({
    description: "Whether disconnected regions with the same value in a mask file become separate objects.",
  }),
  max_skipped_share: z.coerce.number().min(0).max(1).optional().openapi({
    description:
      "Fraction of faulty entries above which the import fails. Defaults to 0.1, and ten entries are always tolerated.",
  }),
  annotators: z.enum(["last", "first", "consensus"]).optional().openapi({
    description:
      "Whose annotation counts if an image has several: the one changed last, the first, or what more than half of them drew.",
  }),
  respect_splits: flag.optional().openapi({
    description:
      "Whether the data set's train, val and test parts are kept as a preference for the split. Defaults to true if there is a test part.",
  }),
});

export const optionsOf = (query: z.output<typeof importQuery>): ImportOptions => ({
  ...(query.masks !== undefined && { masks: query.masks }),
  ...(query.split_parts !== undefined && { splitParts: query.split_parts }),
  ...(query.max_skipped_share !== undefined && { maxSkippedShare: query.max_skipped_share }),
  ...(query.annotators !== undefined && { annotators: query.annotators }),
  ...(query.respect_splits !== undefined && { respectSplits: query.respect_splits }),
});

export const importSchema = z
  .object({
    id: z.string(),
    object: z.literal("import"),
    project_id: z.string(),
    status: z.enum(["queued", "running", "succeeded", "failed"]),
    file_name: z.string().nullable(),
    bytes: z.int(),
    layout: z.string().nullable().openapi({
      description:
        "What was recognised, such as coco, folders, yolo or labelme; several are joined by `+`. See docs/imports.md.",
    }),
    dry_run: z.boolean().openapi({ description: "Whether it is a dry run: nothing is stored." }),
    skipped: z
      .array(z.object({ code: z.string(), count: z.int(), reason: z.string() }))
      .nullable()
      .openapi({
        description:
          "What was left out, by reason; null until the archive has been read. The report lists each entry.",
      }),
    notes: z
      .array(z.object({ code: z.string(), count: z.int(), message: z.string() }))
      .nullable()
      .openapi({ description: "What was decided or changed during the import." }),
    summary: z
      .object({
        images: z.int(),
        annotations: z.int(),
        background_images: z.int().openapi({ description: "Images known to contain no object." }),
        labels: z.array(z.object({ label: z.string().nullable(), count: z.int() })),
        parts: z
          .object({ train: z.int(), val: z.int(), test: z.int() })
          .openapi({ description: "Images in each of the data set's parts." }),
      })
      .nullable()
      .openapi({ description: "What the data contained; null until it has been read to the end." }),
    progress: z.object({ images_done: z.int(), images_total: z.int().nullable() }),
    images_created: z.int().nullable(),
    annotations_created: z.int().nullable(),
    error: z
      .object({
        code: z.string(),
        message: z.string(),
        file: z.string().optional().openapi({ description: "The file in the archive at which it failed." }),
      })
      .nullable(),
    created_at: timeText,
    started_at: timeText.nullable(),
    finished_at: timeText.nullable(),
  })
  .openapi("Import");

export const toImport = (row: Import): z.output<typeof importSchema> => ({
  id: row.id,
  object: "import",
  project_id: row.projectId,
  status: row.status,
  file_name: row.fileName,
  bytes: row.bytes,
  layout: row.layout,
  dry_run: row.dryRun,
  skipped: row.skipped && row.skipped.map(({ code = "other", count, reason }) => ({ code, count, reason })),
  notes: row.notes,
  summary: row.summary && {
    images: row.summary.images,
    annotations: row.summary.annotations,
    background_images: row.summary.backgroundImages,
    labels: [...row.summary.labels],
    parts: { train: 0, val: 0, test: 0, ...row.summary.parts },
  },
  progress: { images_done: row.imagesDone, images_total: row.imagesTotal },
  images_created: row.imagesCreated,
  annotations_created: row.annotationsCreated,
  error: row.error && {
    code: row.error.code,
    message: row.error.message,
    ...(row.error.file !== undefined && { file: row.error.file }),
  },
  created_at: iso(row.createdAt),
  started_at: isoOrNull(row.startedAt),
  finished_at: isoOrNull(row.finishedAt),
});
