import { bigint, check, index, pgTable, sql, text } from "../drizzle.ts";
import { createdAt, time } from "./common.ts";
import { projects } from "./projects.ts";

export type UploadPurpose = "image" | "import";

/** A file that a client sends straight to the object store, by a link; once it is there the client completes it. */
export const uploads = pgTable(
  "uploads",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id").notNull(),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    purpose: text("purpose").$type<UploadPurpose>().notNull(),
    objectKey: text("object_key").notNull(),
    /** As announced: what arrives must be just this. */
    bytes: bigint("bytes", { mode: "number" }).notNull(),
    sha256: text("sha256").notNull(),
    fileName: text("file_name"),
    splitGroup: text("split_group"),
    /** What it became; null until it is completed. */
    imageId: text("image_id"),
    importId: text("import_id"),
    createdAt: createdAt(),
    expiresAt: time("expires_at").notNull(),
    completedAt: time("completed_at"),
    /** When what a link that outlived its upload may have brought was removed. */
    sweptAt: time("swept_at"),
  },
  (table) => [
    index("uploads_workspace_open_idx")
      .on(table.workspaceId, table.expiresAt)
      .where(sql`completed_at is null`),
    index("uploads_unswept_idx")
      .on(table.expiresAt)
      .where(sql`swept_at is null`),
    check("uploads_purpose_check", sql`purpose in ('image', 'import')`),
    check("uploads_content_check", sql`bytes > 0 and sha256 ~ '^[0-9a-f]{64}$'`),
  ],
);
