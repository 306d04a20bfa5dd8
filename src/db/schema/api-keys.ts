import { index, pgTable, text } from "drizzle-orm/pg-core";
import { createdAt, time } from "./common.ts";
import { workspaces } from "./workspaces.ts";

/** A key is 256 random bits, so one SHA-256 is enough; only the hash is kept. */
export const apiKeys = pgTable(
  "api_keys",
  {
    id: text("id").primaryKey(),
    workspaceId: text("workspace_id")
      .notNull()
      .references(() => workspaces.id, { onDelete: "cascade" }),
    name: text("name").notNull(),
    hash: text("hash").notNull().unique(),
    /** The first characters, to recognise a key by. */
    hint: text("hint").notNull(),
    createdAt: createdAt(),
    lastUsedAt: time("last_used_at"),
    revokedAt: time("revoked_at"),
  },
  (table) => [index("api_keys_workspace_idx").on(table.workspaceId)],
);
