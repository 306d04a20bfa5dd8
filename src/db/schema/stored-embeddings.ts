import { check, index, integer, pgTable, sql, text } from "../drizzle.ts";
import { time } from "./common.ts";
import { workspaces } from "./workspaces.ts";

/**
 * Every image embedding in the object store, of whole images and of regions. The row is written before its object and
 * goes before it, so what a quota counts is never less than what is there.
 */
export const storedEmbeddings = pgTable(
  "stored_embeddings",
  {
    objectKey: text("object_key").primaryKey(),
    workspaceId: text("workspace_id")
      .notNull()
      .references(() => workspaces.id, { onDelete: "cascade" }),
    imageSha256: text("image_sha256").notNull(),
    bytes: integer("bytes").notNull(),
    /** Written, or read from the store for the last time: what is read from memory leaves no mark. */
    usedAt: time("used_at").notNull().defaultNow(),
  },
  (table) => [
    index("stored_embeddings_age_idx").on(table.workspaceId, table.usedAt, table.objectKey),
    index("stored_embeddings_image_idx").on(table.workspaceId, table.imageSha256),
    check("stored_embeddings_bytes_check", sql`bytes > 0`),
  ],
);
