import { pgTable, text } from "../drizzle.ts";
import { createdAt } from "./common.ts";

/** What the links to objects are signed with, made at the first need; here, so that all processes have the same. */
export const signingSecrets = pgTable("signing_secrets", {
  name: text("name").primaryKey(),
  secret: text("secret").notNull(),
  createdAt: createdAt(),
});
