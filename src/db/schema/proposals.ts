import { check, doublePrecision, index, integer, jsonb, pgTable, sql, text } from "../drizzle.ts";
import type { ProposalStatus } from "../../domain/auto-label.ts";
import { annotations } from "./annotations.ts";
import { autoLabels } from "./auto-labels.ts";
import { createdAt, time } from "./common.ts";
import { images } from "./images.ts";
import { projects } from "./projects.ts";

/** An object that a version has found in an image: no annotation before somebody accepts it. */
export const proposals = pgTable(
  "proposals",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    autoLabelId: text("auto_label_id")
      .notNull()
      .references(() => autoLabels.id, { onDelete: "cascade" }),
    imageId: text("image_id")
      .notNull()
      .references(() => images.id, { onDelete: "cascade" }),
    /** The number of the version that found it. */
    version: integer("version").notNull(),
    label: text("label"),
    /** The expected share of such finds that are objects, in [0, 1]. */
    labelScore: doublePrecision("label_score").notNull(),
    /** The decoder's IoU prediction. */
    score: doublePrecision("score").notNull(),
    /** COCO's compressed RLE at the image's own size. */
    counts: text("counts").notNull(),
    /** Foreground pixels. */
    area: integer("area").notNull(),
    /** [x0, y0, x1, y1] in pixels of the image, x1 and y1 exclusive. */
    box: jsonb("box").$type<[number, number, number, number]>().notNull(),
    /** The box that the decoder was asked with, [x0, y0, x1, y1] in pixels of the image. */
    prompt: jsonb("prompt").$type<[number, number, number, number]>().notNull(),
    status: text("status").$type<ProposalStatus>().notNull().default("pending"),
    /** What it became; null unless it is accepted, and once the annotation is deleted. */
    annotationId: text("annotation_id").references(() => annotations.id, { onDelete: "set null" }),
    /** The key that decided last. */
    decidedBy: text("decided_by"),
    createdAt: createdAt(),
    decidedAt: time("decided_at"),
  },
  (table) => [
    index("proposals_project_idx").on(table.projectId, table.createdAt, table.id),
    index("proposals_score_idx").on(table.projectId, table.status, table.labelScore, table.id),
    index("proposals_image_idx").on(table.imageId, table.status),
    index("proposals_job_idx").on(table.autoLabelId),
    index("proposals_annotation_idx").on(table.annotationId),
    check("proposals_status_check", sql`status in ('pending', 'accepted', 'rejected')`),
    check("proposals_decided_check", sql`(status = 'pending') = (decided_at is null)`),
    check("proposals_area_check", sql`area > 0`),
    check("proposals_label_score_check", sql`label_score between 0 and 1`),
    check("proposals_box_check", sql`jsonb_array_length(box) = 4 and jsonb_array_length(prompt) = 4`),
  ],
);
