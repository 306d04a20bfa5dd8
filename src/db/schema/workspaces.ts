import { pgTable, text } from "drizzle-orm/pg-core";
import { createdAt } from "./common.ts";

/** The unit of isolation: every other row belongs to one, and every query is scoped to it. */
export const workspaces = pgTable("workspaces", {
  id: text("id").primaryKey(),
  name: text("name").notNull(),
  createdAt: createdAt(),
});
