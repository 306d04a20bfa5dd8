import { pgTable, text, timestamp } from "../drizzle.ts";
import { apiKeys } from "./api-keys.ts";

/**
 * Each key's token bucket as one time: the one at which it will be full again (GCRA's theoretical arrival time).
 * UNLOGGED (see the migration): a crash of the database forgets the buckets, and a request waits for no disk.
 */
export const rateBuckets = pgTable("rate_buckets", {
  keyId: text("key_id")
    .primaryKey()
    .references(() => apiKeys.id, { onDelete: "cascade" }),
  fullAt: timestamp("full_at", { withTimezone: true, mode: "date", precision: 6 }).notNull(),
});
