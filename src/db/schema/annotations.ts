import { check, index, integer, jsonb, pgTable, sql, text } from "../drizzle.ts";
import type { AnnotationLineage } from "../../domain/feedback.ts";
import { createdAt } from "./common.ts";
import { images } from "./images.ts";
import { projects } from "./projects.ts";

/** One ground-truth mask of one object, kept as COCO's compressed RLE at the image's own size. */
export const annotations = pgTable(
  "annotations",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    imageId: text("image_id")
      .notNull()
      .references(() => images.id, { onDelete: "cascade" }),
    counts: text("counts").notNull(),
    /** Foreground pixels. */
    area: integer("area").notNull(),
    /** [x0, y0, x1, y1] in pixels of the original image, x1 and y1 exclusive. */
    box: jsonb("box").$type<[number, number, number, number]>().notNull(),
    label: text("label"),
    source: text("source").$type<"api" | "import" | "feedback" | "proposal">().notNull(),
    /** Set for a mask that a version had made: which version, and what for. */
    lineage: jsonb("lineage").$type<AnnotationLineage>(),
    /** What it is called in the tool where it was drawn, and is changed or deleted; see queries/linked-annotations.ts. */
    origin: text("origin"),
    createdAt: createdAt(),
  },
  (table) => [
    index("annotations_project_idx").on(table.projectId, table.createdAt, table.id),
    index("annotations_image_idx").on(table.imageId),
    index("annotations_origin_idx")
      .on(table.projectId, table.origin)
      .where(sql`origin is not null`),
    check("annotations_area_check", sql`area > 0`),
    check("annotations_box_check", sql`jsonb_typeof(box) = 'array' and jsonb_array_length(box) = 4`),
    check("annotations_source_check", sql`source in ('api', 'import', 'feedback', 'proposal')`),
  ],
);
