import { integer, text, timestamp, uuid } from "../drizzle.ts";

/** A point in time, with zone, as a Date. */
export const time = (name: string) => timestamp(name, { withTimezone: true, mode: "date", precision: 3 });
export const createdAt = () => time("created_at").notNull().defaultNow();

/** Columns of a row that is a job: who works at it, what about, and since when. */
export const jobColumns = () => ({
  /** Who may write to this row while it runs; a new attempt takes a new token, which fences the old one. */
  leaseToken: uuid("lease_token"),
  attempt: integer("attempt").notNull().default(0),
  /** What it is about, as "reading a.png": told where its process ends without a word. */
  doing: text("doing"),
  createdAt: createdAt(),
  startedAt: time("started_at"),
  finishedAt: time("finished_at"),
});
