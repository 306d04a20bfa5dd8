import { index, pgTable, text } from "../drizzle.ts";
import { apiKeys } from "./api-keys.ts";
import { createdAt, time } from "./common.ts";

/** A browser that has shown a key and holds a cookie for it; only the cookie's SHA-256 is kept. */
export const sessions = pgTable(
  "sessions",
  {
    hash: text("hash").primaryKey(),
    keyId: text("key_id")
      .notNull()
      .references(() => apiKeys.id, { onDelete: "cascade" }),
    /** Hash of the key as it was shown: the session ends when that one does. */
    keyHash: text("key_hash").notNull(),
    createdAt: createdAt(),
    expiresAt: time("expires_at").notNull(),
  },
  (table) => [index("sessions_key_idx").on(table.keyId), index("sessions_expires_idx").on(table.expiresAt)],
);
