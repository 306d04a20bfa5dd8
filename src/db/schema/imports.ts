import { bigint, boolean, check, index, integer, jsonb, pgTable, sql, text } from "../drizzle.ts";
import type { ImportStatus } from "../../domain/job-states.ts";
import { jobColumns } from "./common.ts";
import type { ImportNote, ImportOptions, ImportSummary, SkippedCount } from "../../domain/data-import.ts";
import type { JobError } from "../../domain/job-error.ts";
import { projects } from "./projects.ts";

/** A zip on its way into images and annotations; all of it or nothing. */
export const imports = pgTable(
  "imports",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    status: text("status").$type<ImportStatus>().notNull().default("queued"),
    objectKey: text("object_key").notNull(),
    /** Size of what was sent; 0 where the data lie in a bucket. */
    bytes: bigint("bytes", { mode: "number" }).notNull(),
    fileName: text("file_name"),
    options: jsonb("options").$type<ImportOptions>().notNull().default({}),
    /** Whether it only looks: nothing is stored but what it would come to. */
    dryRun: boolean("dry_run").notNull().default(false),
    /** What was recognised, such as `coco`; several are joined by `+`. */
    layout: text("layout"),
    /** What was left out: how many, and why. */
    skipped: jsonb("skipped").$type<SkippedCount[]>(),
    /** What was decided or changed on the way. */
    notes: jsonb("notes").$type<ImportNote[]>(),
    summary: jsonb("summary").$type<ImportSummary>(),
    imagesTotal: integer("images_total"),
    imagesDone: integer("images_done").notNull().default(0),
    imagesCreated: integer("images_created"),
    annotationsCreated: integer("annotations_created"),
    error: jsonb("error").$type<JobError & { file?: string }>(),
    ...jobColumns(),
  },
  (table) => [
    index("imports_project_idx").on(table.projectId, table.createdAt, table.id),
    index("imports_workspace_idx").on(table.workspaceId, table.startedAt),
    index("imports_open_idx")
      .on(table.createdAt)
      .where(sql`status in ('queued', 'running')`),
    check("imports_status_check", sql`status in ('queued', 'running', 'succeeded', 'failed')`),
    // What lies in a bucket is read there, and nothing was sent.
    check("imports_bytes_check", sql`bytes > 0 or (bytes = 0 and options ?| array['bucket', 'folder'])`),
    check("imports_images_done_check", sql`images_done >= 0`),
    check("imports_attempt_check", sql`attempt >= 0`),
  ],
);
