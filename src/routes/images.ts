import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { getImage, type Image, listImages, selectImages } from "../db/queries/images.ts";
import { imageBytes } from "../storage/named-objects.ts";
import type { Project } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { setComplete } from "../db/queries/complete-images.ts";
import { AppError } from "../lib/errors.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { decodeCursor, pageBody, pageBodyBy, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import type { Env, RouteContext } from "./http/env.ts";
import {
  deleted,
  idText,
  imageParams,
  json,
  jsonBody,
  projectOf,
  projectParams,
  scopeOf,
  text,
} from "./http/scope.ts";
import { deleteImage } from "../actions/delete-image.ts";
import { storeImage } from "../actions/store-image.ts";
import { inOrderOfWorth, mostListed } from "../actions/worth.ts";
import { imageErrors, imageSchema, toImage } from "./wire/image.ts";
import { listedImageSchema, toListed } from "./wire/worth.ts";
import { cleanName, type FileUpload, limitBody, withFileUpload } from "./http/upload.ts";
import { mediaTypeOf } from "../imaging/sniff.ts";

const group = text(200);
const tags = ["images"];

/** A place in the order of worth: how many images stand before the next, and the last of them. */
const worthPlace = z.tuple([z.int().min(0), idText()]);

const uploadRoute = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/images",
  tags,
  summary: "Upload an image: the multipart field `file`, or the image as the body",
  request: {
    params: projectParams,
    headers: idempotencyHeader,
    query: z.object({
      group: group.optional().openapi({
        description: "Images of one group (a page, a patient) are always kept on the same side of a split.",
      }),
      file_name: text(255).optional().openapi({ description: "File name, for a raw body." }),
    }),
    body: {
      required: true,
      content: {
        "image/*": { schema: { type: "string", format: "binary" } },
        "application/dicom": { schema: { type: "string", format: "binary" } },
        "multipart/form-data": {
          schema: {
            type: "object",
            required: ["file"],
            properties: { file: { type: "string", format: "binary" }, group: { type: "string" } },
          },
        },
      },
    },
  },
  responses: {
    200: json(imageSchema, "The existing image: the same bytes were uploaded before."),
    201: json(imageSchema, "The new image."),
    ...failures(
      "invalid_request",
      "project_not_found",
      "body_too_large",
      "unsupported_media_type",
      "too_many_images",
      "quota_exceeded",
      ...imageErrors,
      ...idempotencyErrors,
    ),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/images",
  tags,
  summary: "List images, newest first, or by what labelling them would teach",
  description:
    "With `order=worth`, only images without annotations that are not known to be empty, the one to label next first, " +
    `each with the reason; the newest ${mostListed} are listed. The order is of the moment: label some, then ask for the first page again.`,
  request: {
    params: projectParams,
    query: pageQuery.extend({
      order: z.enum(["newest", "worth"]).default("newest").openapi({
        description: "worth: what to label next comes first.",
      }),
    }),
  },
  responses: {
    200: json(pageOf(listedImageSchema), "One page."),
    ...failures("invalid_request", "project_not_found"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/images/{image_id}",
  tags,
  summary: "Get an image's metadata",
  request: { params: imageParams },
  responses: { 200: json(imageSchema, "The image."), ...failures("image_not_found") },
});

const change = createRoute({
  method: "patch",
  path: "/v1/projects/{project_id}/images/{image_id}",
  tags,
  summary: "Say whether all objects on an image are annotated",
  description:
    "The next fine-tune goes by it: of an image that is not `complete` only the annotated objects teach and nothing judges a version's finder; one that is, is never in doubt. An image without annotations that is `complete` is known to be empty. null takes back what was said.",
  middleware: [limitBody(64 * 1024)] as const,
  request: {
    params: imageParams,
    body: jsonBody(z.strictObject({ complete: z.boolean().nullable() })),
  },
  responses: {
    200: json(imageSchema, "The image."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "image_not_found",
      "body_too_large",
      "unsupported_media_type",
    ),
  },
});

const content = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/images/{image_id}/content",
  tags,
  summary: "Get the image's bytes as uploaded",
  request: { params: imageParams },
  responses: {
    200: {
      description: "The bytes.",
      content: {
        "image/*": { schema: { type: "string", format: "binary" } },
        "application/dicom": { schema: { type: "string", format: "binary" } },
      },
    },
    ...failures("image_not_found", "image_damaged"),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/v1/projects/{project_id}/images/{image_id}",
  tags,
  summary: "Delete an image with its annotations",
  request: { params: imageParams },
  responses: {
    200: json(deleted("image"), "Deleted."),
    ...failures("image_not_found", "image_in_use"),
  },
});

export function imageRoutes(services: RouteContext) {
  const { db, store, config } = services;
  const router = createRouter();

  router.openapi(uploadRoute, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    // Asked before the body is read: nobody sends 30 MiB for a 404.
    projectOf(c, scope);
    const take = async (file: FileUpload) => {
      const { fileName, group: splitGroup } = named(file, c.req.valid("query"));
      // As it was hashed before: an answer that is kept stays good.
      const fields = splitGroup === null ? {} : { group: splitGroup };
      const asked = { sha256: file.sha256, fileName, fields };
      const { path, bytes, sha256 } = file;
      const image = { path, bytes, sha256, fileName, splitGroup };
      return idempotent(c, db, asked, async () => {
        const stored = await storeImage(services, scope, image);
        return { status: stored.isNew ? (201 as const) : (200 as const), body: toImage(stored.image) };
      });
    };
    const answer = await withFileUpload(c, config.MAX_BODY_BYTES, take, "body_too_large");
    return c.json(answer.body, answer.status);
  });

  router.openapi(list, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const project = projectOf(c, scope);
    const query = c.req.valid("query");
    if (query.order === "newest")
      return c.json(pageBody(await listImages(db, scope, pageRequest(query)), toImage), 200);
    return c.json(await pageByWorth(services, { scope, project }, query), 200);
  });

  router.openapi(get, async (c) => {
    const params = c.req.valid("param");
    return c.json(toImage(await getImage(db, scopeOf(c, params), params.image_id)), 200);
  });

  router.openapi(change, async (c) => {
    const params = c.req.valid("param");
    const { complete } = c.req.valid("json");
    return c.json(toImage(await setComplete(db, scopeOf(c, params), params.image_id, complete)), 200);
  });

  router.openapi(content, async (c) => {
    const params = c.req.valid("param");
    const image = await getImage(db, scopeOf(c, params), params.image_id);
    return sendImage(c, image, await imageBytes(store, image));
  });

  router.openapi(remove, async (c) => {
    const params = c.req.valid("param");
    await deleteImage(services, scopeOf(c, params), params.image_id);
    return c.json({ id: params.image_id, object: "image" as const, deleted: true as const }, 200);
  });

  return router;
}

/** Group and name may come as form fields or in the query; the form wins. */
function named(file: FileUpload, query: { group?: string | undefined; file_name?: string | undefined }) {
  const parsed = group.optional().safeParse(file.fields["group"] ?? query.group);
  if (!parsed.success) {
    throw new AppError("invalid_request", "group: 1 to 200 characters.", { param: "group" });
  }
  return { fileName: file.fileName ?? cleanName(query.file_name), group: parsed.data ?? null };
}

/** Sandboxed and typed by what the bytes were found to be, so that no browser takes an upload for a page. */
function sendImage(c: Context<Env>, image: Image, bytes: Uint8Array): Response {
  c.header("Content-Type", mediaTypeOf(image.format));
  c.header("Content-Security-Policy", "default-src 'none'; sandbox");
  c.header("X-Content-Type-Options", "nosniff");
  c.header("Cache-Control", "private, max-age=31536000, immutable");
  c.header("ETag", `"${image.sha256}"`);
  return c.body(bytes as Uint8Array<ArrayBuffer>);
}

/** One page in the order of worth. */
async function pageByWorth(
  services: RouteContext,
  { scope, project }: { scope: ProjectScope; project: Project },
  { cursor, limit }: z.output<typeof pageQuery>,
) {
  const [place, last] = cursor === undefined ? [0] : decodeCursor(worthPlace, cursor);
  const all = await inOrderOfWorth(services, scope, project);
  // Where the last page ended, also when images before it have been labelled since.
  const at = last === undefined ? -1 : all.findIndex(({ id }) => id === last);
  const from = at < 0 ? place : at + 1;
  const some = all.slice(from, from + limit);
  const ids = some.map(({ id }) => id);
  const byId = new Map((await selectImages(services.db, scope, ids)).map((row) => [row.id, row]));
  const rows = some.flatMap((one, i) => {
    const image = byId.get(one.id);
    return image ? [{ ...one, image, place: from + i + 1 }] : [];
  });
  return pageBodyBy(
    { rows, hasMore: from + limit < all.length },
    (row) => toListed(row.image, row),
    (row) => [row.place, row.id],
  );
}
