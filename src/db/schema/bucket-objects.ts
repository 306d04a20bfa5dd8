import { bigint, pgTable, primaryKey, text } from "../drizzle.ts";
import { projects } from "./projects.ts";

/** What imports have read of objects in buckets, so that the next one reads only what is new. */
export const bucketObjects = pgTable(
  "bucket_objects",
  {
    workspaceId: text("workspace_id").notNull(),
    projectId: text("project_id")
      .notNull()
      .references(() => projects.id, { onDelete: "cascade" }),
    bucket: text("bucket").notNull(),
    key: text("key").notNull(),
    etag: text("etag").notNull(),
    bytes: bigint("bytes", { mode: "number" }).notNull(),
    /** The image that it became; null for masks, annotation files and what was left out. */
    imageSha256: text("image_sha256"),
  },
  (table) => [primaryKey({ columns: [table.projectId, table.bucket, table.key] })],
);
