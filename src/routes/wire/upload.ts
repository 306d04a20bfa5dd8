import { z } from "@hono/zod-openapi";
import type { Upload } from "../../db/queries/uploads.ts";
import { iso, isoOrNull, text, timeText } from "../http/scope.ts";

/** What is announced of a file. */
export const uploadBody = z.strictObject({
  purpose: z.enum(["image", "import"]),
  bytes: z.int().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hex digits"),
  file_name: text(255).optional(),
  group: text(200).optional().openapi({ description: "The image's split group, if it is one." }),
});

export const uploadSchema = z
  .object({
    id: z.string(),
    object: z.literal("upload"),
    purpose: z.enum(["image", "import"]),
    status: z.enum(["pending", "completed"]),
    bytes: z.int(),
    sha256: z.string(),
    file_name: z.string().nullable(),
    image_id: z.string().nullable().openapi({ description: "The image created from it, once completed." }),
    import_id: z.string().nullable(),
    created_at: timeText,
    expires_at: timeText,
    completed_at: timeText.nullable(),
  })
  .openapi("Upload");

export const toUpload = (row: Upload): z.output<typeof uploadSchema> => ({
  id: row.id,
  object: "upload",
  purpose: row.purpose,
  status: row.completedAt === null ? "pending" : "completed",
  bytes: row.bytes,
  sha256: row.sha256,
  file_name: row.fileName,
  image_id: row.imageId,
  import_id: row.importId,
  created_at: iso(row.createdAt),
  expires_at: iso(row.expiresAt),
  completed_at: isoOrNull(row.completedAt),
});
