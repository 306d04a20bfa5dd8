import { check, integer, pgTable, sql, text, uuid } from "../drizzle.ts";
import { time } from "./common.ts";

/** When the objects were read through last, and by whom they are just now; one row for all processes. */
export const scrubs = pgTable(
  "scrubs",
  {
    name: text("name").primaryKey(),
    /** Who has it in hand: one that was taken for dead writes nothing more. */
    leaseToken: uuid("lease_token"),
    /** Until then a process has it in hand. */
    heldUntil: time("held_until"),
    /** The last one that came to its end. */
    endedAt: time("ended_at"),
    checked: integer("checked").notNull().default(0),
    lost: integer("lost").notNull().default(0),
  },
  () => [check("scrubs_counts_check", sql`checked >= 0 and lost between 0 and checked`)],
);
