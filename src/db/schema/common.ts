import { timestamp } from "../drizzle.ts";

/** A point in time, with zone, as a Date. */
export const time = (name: string) => timestamp(name, { withTimezone: true, mode: "date", precision: 3 });
export const createdAt = () => time("created_at").notNull().defaultNow();
