import { boolean, check, index, integer, pgTable, sql, text, uniqueIndex } from "../drizzle.ts";
import type { Part } from "../../domain/data-import.ts";
import { createdAt } from "./common.ts";
import { projects } from "./projects.ts";

export const images = pgTable(
  "images",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    /** SHA-256 of the bytes as uploaded; the same bytes in the same project are the same image. */
    sha256: text("sha256").notNull(),
    objectKey: text("object_key").notNull(),
    bytes: integer("bytes").notNull(),
    format: text("format").notNull(),
    /** As seen: after EXIF orientation. */
    width: integer("width").notNull(),
    height: integer("height").notNull(),
    fileName: text("file_name"),
    /** Images of one group (a page, a patient) never stand on both sides of a split; null is a group by itself. */
    splitGroup: text("split_group"),
    /** The user's own part of the data that it is in: a wish for the split. */
    part: text("part").$type<Part>(),
    /** Whether it is known to hold no object, and not just unannotated. */
    knownEmpty: boolean("known_empty").notNull().default(false),
    /** Whether all objects on it are annotated, where a person has said so. */
    complete: boolean("complete"),
    /** Whether a fine-tune could not tell, so that a person should. */
    completeAsked: boolean("complete_asked").notNull().default(false),
    /** What was chosen to make eight bits of R, G and B of it; null where it has them. */
    reading: text("reading"),
    createdAt: createdAt(),
  },
  (table) => [
    uniqueIndex("images_project_sha256_key").on(table.projectId, table.sha256),
    // What a workspace holds is read off the index alone.
    index("images_workspace_idx").on(table.workspaceId, table.bytes),
    index("images_project_idx").on(table.projectId, table.createdAt, table.id),
    // A few of a project's images, listed and counted by themselves.
    index("images_empty_idx")
      .on(table.projectId, table.createdAt, table.id)
      .where(sql`known_empty`),
    index("images_asked_idx")
      .on(table.projectId, table.createdAt, table.id)
      .where(sql`complete_asked`),
    check("images_sha256_check", sql`sha256 ~ '^[0-9a-f]{64}$'`),
    check("images_part_check", sql`part in ('train', 'val', 'test')`),
    check("images_size_check", sql`width > 0 and height > 0 and bytes > 0`),
  ],
);
