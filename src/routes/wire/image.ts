import { z } from "@hono/zod-openapi";
import type { Image } from "../../db/queries/images.ts";
import { idText, iso, timeText } from "../http/scope.ts";

/** What bytes that should be an image can fail with. */
export const imageErrors = [
  "image_empty",
  "image_unreadable",
  "image_truncated",
  "image_format_unsupported",
  "image_too_many_pixels",
  "image_too_small",
] as const;

export const imageSchema = z
  .object({
    id: z.string(),
    object: z.literal("image"),
    width: z.int().openapi({ description: "Width as displayed, after applying the EXIF orientation." }),
    height: z.int(),
    sha256: z.string().openapi({ description: "SHA-256 of the bytes as uploaded." }),
    bytes: z.int(),
    format: z.string(),
    file_name: z.string().nullable(),
    group: z.string().nullable(),
    part: z.enum(["train", "val", "test"]).nullable().openapi({
      description:
        "The part of the data set that it came with (train, val or test): a preference for the split.",
    }),
    known_empty: z.boolean().openapi({
      description:
        "Whether its import, or `complete` without an annotation, said that it holds no object. Annotations on it say otherwise.",
    }),
    complete: z.boolean().nullable().openapi({
      description:
        "Whether all objects on it are annotated, where somebody has said so. Outside the annotations of an image that is not complete, nothing counts as background.",
    }),
    complete_asked: z.boolean().openapi({
      description:
        "Whether the last fine-tune found objects on it that nobody has annotated, and asks for `complete`.",
    }),
    created_at: timeText,
  })
  .openapi("Image");

export const toImage = (row: Image): z.output<typeof imageSchema> => ({
  id: row.id,
  object: "image",
  width: row.width,
  height: row.height,
  sha256: row.sha256,
  bytes: row.bytes,
  format: row.format,
  file_name: row.fileName,
  group: row.splitGroup,
  part: row.part,
  known_empty: row.knownEmpty,
  complete: row.complete,
  complete_asked: row.completeAsked,
  created_at: iso(row.createdAt),
});

/** An image to predict on: stored, sent along as at most so many characters, or the handle of one that was sent before. */
export const imageBodyOf = (characters: number) =>
  z.union(imagesBy(characters), { error: ({ input }) => (namesImage(input) ? undefined : noImage) });

const noImage =
  'an image is {"id": …} of one that was uploaded, {"base64": …} or {"sha256": …}; no address is ever fetched';
const namesImage = (input: unknown): boolean =>
  typeof input === "object" &&
  input !== null &&
  ["id", "base64", "sha256"].filter((name) => name in input).length === 1;

const imagesBy = (characters: number) =>
  [
    z.strictObject({ id: idText() }),
    z.strictObject({
      base64: z
        .string()
        .max(characters)
        .openapi({ description: "The image file; a data URL is accepted too." }),
    }),
    z.strictObject({
      sha256: z
        .string()
        .regex(/^[0-9a-f]{64}$/, "64 lower-case hex digits")
        .openapi({
          description:
            "The handle of an image that this workspace has predicted on before: `image.sha256` in that answer. Its bytes then need to be sent only once.",
        }),
    }),
  ] as const;

/** The same, bounded by the body alone. */
export const imageBody = imageBodyOf(512 * 1024 * 1024);

/** What naming or sending an image can fail with. */
export const imageSourceErrors = [
  "image_not_found",
  "image_handle_unknown",
  "image_damaged",
  "version_damaged",
  ...imageErrors,
] as const;
