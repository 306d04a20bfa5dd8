import { jsonb, pgTable, text } from "../drizzle.ts";
import type { SignatureBundle } from "../../lib/model-signature.ts";
import { createdAt } from "./common.ts";

/** What the installation has signed of imported base models, whose files lie in the object store. */
export const baseModelSignatures = pgTable("base_model_signatures", {
  name: text("name").primaryKey(),
  signature: jsonb("signature").$type<SignatureBundle>().notNull(),
  createdAt: createdAt(),
});
