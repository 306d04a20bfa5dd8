import { timestamp } from "drizzle-orm/pg-core";

/** A point in time, with zone, as a Date. */
export const time = (name: string) => timestamp(name, { withTimezone: true, mode: "date", precision: 3 });
export const createdAt = () => time("created_at").notNull().defaultNow();

/** What an error that ended a job looks like, in the row and in the API. */
export interface JobError {
  code: string;
  message: string;
  param?: string | undefined;
}
