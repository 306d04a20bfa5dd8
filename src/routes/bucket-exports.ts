import { createRoute, z } from "@hono/zod-openapi";
import { type ExportStep, exportToBucket, imagesAtOnce } from "../actions/export-to-bucket.ts";
import { annotationShapes } from "../exports/annotations/types.ts";
import type { RouteContext } from "./http/env.ts";
import { failures } from "./http/errors.ts";
import { cursorOf, placeOfCursor } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import { json, jsonBody, projectOf, projectParams, scopeOf, text } from "./http/scope.ts";
import { limitBody } from "./http/upload.ts";

const exportBody = z.strictObject({
  bucket: text(63),
  prefix: z.string().max(1024).default("").openapi({ description: "The folder in the bucket." }),
  shapes: z.enum(annotationShapes).default("masks"),
  images: z.boolean().default(true).openapi({
    description: "Whether the images go along, or `annotations.json` alone.",
  }),
  cursor: z
    .string()
    .max(500)
    .optional()
    .openapi({ description: "The `next_cursor` of the answer before, an opaque string." }),
});

const exportSchema = z
  .object({
    object: z.literal("bucket_export"),
    bucket: z.object({ name: z.string(), prefix: z.string() }),
    images_total: z.int(),
    images_written: z.int().openapi({ description: "By this request." }),
    images_there: z.int().openapi({ description: "Those that lie there already, byte for byte." }),
    images_renamed: z.int().openapi({
      description: "Images of this request whose names are no paths: they lie under their ids.",
    }),
    has_more: z.boolean(),
    next_cursor: z.string().nullable(),
    file: z
      .string()
      .nullable()
      .openapi({ description: "The key of the COCO file, which is written last; null before." }),
  })
  .openapi("BucketExport");

const create = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/annotations:bucket",
  tags: ["annotations"],
  summary: "Export images and annotations to a bucket, some images a request",
  description: `Writes ${imagesAtOnce} images at most, then tells where to go on; after the last comes annotations.json, in COCO's format. EXPORT_BUCKETS says which prefixes are open. What lies there already is not sent again, so that an export that broke off is repeated from its start. See docs/imports.md.`,
  middleware: [limitBody(64 * 1024)] as const,
  request: { params: projectParams, body: jsonBody(exportBody) },
  responses: {
    200: json(exportSchema, "What this request has written."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "project_not_found",
      "bucket_not_allowed",
      "bucket_unwritable",
      "body_too_large",
      "unsupported_media_type",
    ),
  },
});

export function bucketExportRoutes(services: RouteContext) {
  const router = createRouter();

  router.openapi(create, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    projectOf(c, scope);
    const { cursor, ...asked } = c.req.valid("json");
    const after = cursor === undefined ? null : placeOfCursor(cursor);
    return c.json(toStep(await exportToBucket(services, scope, { ...asked, after })), 200);
  });

  return router;
}

const toStep = ({ place, last, ...step }: ExportStep): z.output<typeof exportSchema> => ({
  object: "bucket_export",
  bucket: { name: place.bucket, prefix: place.prefix },
  images_total: step.imagesTotal,
  images_written: step.written,
  images_there: step.there,
  images_renamed: step.renamed,
  has_more: last !== null,
  next_cursor: last && cursorOf(last),
  file: step.file,
});
