import { check, index, integer, pgTable, sql, text } from "../drizzle.ts";
import { createdAt, time } from "./common.ts";
import { workspaces } from "./workspaces.ts";

/** What a key may do. A route asks for one of them; `admin` holds all the others. */
export const keyScopes = ["read", "predict", "annotate", "train", "admin"] as const;
export type KeyScope = (typeof keyScopes)[number];

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
    scopes: text("scopes").array().$type<KeyScope[]>().notNull().default(["admin"]),
    /** Null is the default of RATE_LIMIT_PER_SECOND. */
    requestsPerSecond: integer("requests_per_second"),
    /** What the key was before its last rotation, which opens until previous_expires_at. */
    previousHash: text("previous_hash").unique(),
    previousExpiresAt: time("previous_expires_at"),
    createdAt: createdAt(),
    rotatedAt: time("rotated_at"),
    expiresAt: time("expires_at"),
    lastUsedAt: time("last_used_at"),
    revokedAt: time("revoked_at"),
  },
  (table) => [
    index("api_keys_workspace_idx").on(table.workspaceId, table.createdAt, table.id),
    check(
      "api_keys_scopes_check",
      sql`cardinality(scopes) > 0 and scopes <@ array['read', 'predict', 'annotate', 'train', 'admin']`,
    ),
    check("api_keys_requests_per_second_check", sql`requests_per_second > 0`),
    check("api_keys_previous_check", sql`(previous_hash is null) = (previous_expires_at is null)`),
  ],
);
