import { index, integer, jsonb, pgTable, primaryKey, text } from "../drizzle.ts";
import { createdAt } from "./common.ts";
import { workspaces } from "./workspaces.ts";

/** The answer to a creating POST, kept so that the same request sent again gets it instead of a second thing. */
export const idempotencyKeys = pgTable(
  "idempotency_keys",
  {
    workspaceId: text("workspace_id")
      .notNull()
      .references(() => workspaces.id, { onDelete: "cascade" }),
    key: text("key").notNull(),
    /** SHA-256 of method, path and body: the same key with another request is an error. */
    requestHash: text("request_hash").notNull(),
    /** Null while the first request is still under way. */
    status: integer("status"),
    body: jsonb("body").$type<unknown>(),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.key] }),
    index("idempotency_keys_created_idx").on(table.createdAt),
  ],
);
