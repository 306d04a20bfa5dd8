import { z } from "@hono/zod-openapi";
import type { Database } from "../../db/client.ts";
import { channels } from "../../db/listen.ts";
import { getImport, type Import } from "../../db/queries/imports.ts";
import type { ProjectScope } from "../../db/queries/scope.ts";
import type { ImportOptions } from "../../domain/data-import.ts";
import { openImport } from "../../domain/job-states.ts";
import { iso, isoOrNull, text, timeText } from "../http/scope.ts";

const flag = z.enum(["true", "false"]).transform((value) => value === "true");

const told = {
  dry_run: "`true`: nothing is stored; the import reports what would be imported and what would be left out.",
  split_parts: "Whether disconnected regions with the same value in a mask file become separate objects.",
  max_skipped_share:
    "Fraction of faulty entries above which the import fails. Defaults to 0.1, and ten entries are always tolerated.",
  respect_splits:
    "Whether the data set's train, val and test parts are kept as a preference for the split. Defaults to true if there is a test part.",
};
const words = {
  masks: z.enum(["auto", "binary", "instances", "classes"]).optional().openapi({
    description: "What the values in mask files mean; `auto` infers it from them.",
  }),
  annotators: z.enum(["last", "first", "consensus"]).optional().openapi({
    description:
      "Whose annotation counts if an image has several: the one changed last, the first, or what more than half of them drew.",
  }),
};

/** What a request for an import may ask for, in its query. */
export const importQuery = z.object({
  dry_run: flag.optional().openapi({ description: told.dry_run }),
  masks: words.masks,
  split_parts: flag.optional().openapi({ description: told.split_parts }),
  max_skipped_share: z.coerce
    .number()
    .min(0)
    .max(1)
    .optional()
    .openapi({ description: told.max_skipped_share }),
  annotators: words.annotators,
  respect_splits: flag.optional().openapi({ description: told.respect_splits }),
});

const choices = {
  dry_run: z.boolean().default(false).openapi({ description: told.dry_run }),
  masks: words.masks,
  split_parts: z.boolean().optional().openapi({ description: told.split_parts }),
  max_skipped_share: z.number().min(0).max(1).optional().openapi({ description: told.max_skipped_share }),
  annotators: words.annotators,
  respect_splits: z.boolean().optional().openapi({ description: told.respect_splits }),
};

/** The same in JSON, of what lies in a folder of the server. */
export const folderImportBody = z.strictObject({
  folder: text(4096).openapi({ description: "Absolute path on the server, such as /data/scans/may." }),
  ...choices,
});

/** The same of what lies in a bucket. */
export const bucketImportBody = z.strictObject({
  bucket: text(63),
  prefix: z.string().max(1024).default("").openapi({
    description: "The folder in the bucket, such as scans/2026/; left out, all of it.",
  }),
  again: z.boolean().default(false).openapi({
    description: "Whether objects are read, too, that an import of this project has read before.",
  }),
  ...choices,
});

export const optionsOf = (query: Omit<z.output<typeof importQuery>, "dry_run">): ImportOptions => ({
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
    bucket: z
      .object({ name: z.string(), prefix: z.string() })
      .nullable()
      .openapi({ description: "Where the data lie, if they are read from a bucket." }),
    folder: z
      .string()
      .nullable()
      .openapi({ description: "Where the data lie, if they are read from a folder of the server." }),
    bytes: z
      .int()
      .openapi({ description: "Size of the file that was sent; 0 for what is read where it lies." }),
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
  bucket: row.options.bucket ? { name: row.options.bucket.name, prefix: row.options.bucket.prefix } : null,
  folder: row.options.folder?.path ?? null,
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

/** How an import is waited for. */
export const watchedImport = (db: Database, scope: ProjectScope) => ({
  channel: channels.importChanged,
  look: async (id: string) => getImport(db, scope, id),
  ended: (row: Import) => !openImport.some((status) => status === row.status),
  show: toImport,
});
