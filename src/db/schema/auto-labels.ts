import {
  check,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  sql,
  text,
  uniqueIndex,
} from "../drizzle.ts";
import type { AutoLabelFailure, ImageCursor } from "../../domain/auto-label.ts";
import type { JobError } from "../../domain/job-error.ts";
import type { AutoLabelStatus } from "../../domain/job-states.ts";
import { jobColumns } from "./common.ts";
import { projects } from "./projects.ts";

/** A version that looks for its objects in a project's images without annotations; what it finds are proposals. */
export const autoLabels = pgTable(
  "auto_labels",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    status: text("status").$type<AutoLabelStatus>().notNull().default("queued"),
    /** The number of the version that finds. */
    version: integer("version").notNull(),
    /** Label scores from which objects are proposed, in [0, 1]; null is the finder's own. */
    threshold: doublePrecision("threshold"),
    /** Objects of one image at most, the best. */
    maxObjects: integer("max_objects").notNull(),
    /** Labels to look for; null is all of the finder's. */
    labels: jsonb("labels").$type<(string | null)[]>(),
    /** The image that was looked at last: the next attempt goes on behind it. */
    cursor: jsonb("cursor").$type<ImageCursor>(),
    /** Images that there were to look at when it began; null before. */
    imagesTotal: integer("images_total"),
    /** Those that are behind it: looked at, failed or skipped. */
    imagesDone: integer("images_done").notNull().default(0),
    /** Deleted or annotated before it came to them. */
    imagesSkipped: integer("images_skipped").notNull().default(0),
    imagesFailed: integer("images_failed").notNull().default(0),
    /** The first of those that failed. */
    failures: jsonb("failures")
      .$type<AutoLabelFailure[]>()
      .notNull()
      .default(sql`'[]'`),
    /** Proposals that it has made. */
    found: integer("found").notNull().default(0),
    /** Objects that `maxObjects` left out. */
    leftOut: integer("left_out").notNull().default(0),
    etaSeconds: integer("eta_seconds"),
    error: jsonb("error").$type<JobError>(),
    ...jobColumns(),
  },
  (table) => [
    index("auto_labels_project_idx").on(table.projectId, table.createdAt, table.id),
    index("auto_labels_workspace_idx").on(table.workspaceId, table.startedAt),
    // One at a time in a project.
    uniqueIndex("auto_labels_project_open_key")
      .on(table.projectId)
      .where(sql`status in ('queued', 'running')`),
    check(
      "auto_labels_status_check",
      sql`status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')`,
    ),
    check("auto_labels_asked_check", sql`version >= 1 and max_objects >= 1 and threshold between 0 and 1`),
    check(
      "auto_labels_counts_check",
      sql`images_total >= 0 and images_done >= 0 and images_skipped >= 0 and images_failed >= 0 and found >= 0`,
    ),
    check("auto_labels_attempt_check", sql`attempt >= 0`),
  ],
);
