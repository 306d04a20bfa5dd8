import { check, doublePrecision, index, pgTable, primaryKey, sql, text } from "../drizzle.ts";
import { workspaces } from "./workspaces.ts";

/** How unsure a version's finder was of an image when it last looked at it. */
export const finderDoubts = pgTable(
  "finder_doubts",
  {
    workspaceId: text("workspace_id")
      .notNull()
      .references(() => workspaces.id, { onDelete: "cascade" }),
    /** The SHA-256 of the finder's weights. */
    finderSha256: text("finder_sha256").notNull(),
    imageSha256: text("image_sha256").notNull(),
    /** Objects that may be there or not, counted by how open that is; see imaging/worth/doubt.ts. */
    doubt: doublePrecision("doubt").notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.finderSha256, table.imageSha256] }),
    index("finder_doubts_image_idx").on(table.workspaceId, table.imageSha256),
    check("finder_doubts_doubt_check", sql`doubt >= 0`),
  ],
);
