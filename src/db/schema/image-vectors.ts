import { customType, pgTable, primaryKey, text } from "../drizzle.ts";
import { workspaces } from "./workspaces.ts";

const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => "bytea" });

/** What an image looks like as a whole, to tell how far images lie apart: it stays when its embedding gives way. */
export const imageVectors = pgTable(
  "image_vectors",
  {
    workspaceId: text("workspace_id")
      .notNull()
      .references(() => workspaces.id, { onDelete: "cascade" }),
    /** The SHA-256 of the base model's encoder. */
    embeddingId: text("embedding_id").notNull(),
    imageSha256: text("image_sha256").notNull(),
    /** Little-endian float32; see imaging/worth/image-vector.ts. */
    vector: bytea("vector").notNull(),
  },
  (table) => [primaryKey({ columns: [table.workspaceId, table.embeddingId, table.imageSha256] })],
);
