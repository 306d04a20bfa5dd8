import { createRoute, z } from "@hono/zod-openapi";
import { receiveUpload, requirePending } from "../actions/receive-upload.ts";
import { getImage } from "../db/queries/images.ts";
import { getVersion } from "../db/queries/versions.ts";
import { sha256 } from "../lib/hash.ts";
import { attachment } from "../storage/links.ts";
import { failures } from "./http/errors.ts";
import { linkSchema, linkToRead, readOwnLink, toLink } from "./http/links.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { imageParams, json, projectOf, projectParams, scopeOf, versionInPath } from "./http/scope.ts";
import { type FileUpload, withFileUpload } from "./http/upload.ts";
import { mediaTypeOf } from "../imaging/sniff.ts";

const tags = ["links"];
const token = z.object({ token: z.string().max(4000) });

const imageLink = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/images/{image_id}/link",
  tags,
  summary: "Get a link to an image's bytes that works without a key for an hour",
  request: { params: imageParams },
  responses: { 200: json(linkSchema, "The link."), ...failures("invalid_request", "image_not_found") },
});

const versionLink = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/versions/{number}/link",
  tags,
  summary: "Get a link to a version's weights (safetensors) that works without a key for an hour",
  request: {
    params: projectParams.extend({
      number: versionInPath().openapi({ param: { name: "number", in: "path" }, example: 1 }),
    }),
  },
  responses: {
    200: json(linkSchema, "The link."),
    ...failures("invalid_request", "project_not_found", "version_not_found"),
  },
});

const read = createRoute({
  method: "get",
  path: "/v1/links/{token}",
  tags,
  summary: "Download the object behind a link, if the object store can't be reached from outside",
  request: { params: token },
  responses: {
    200: {
      description: "The bytes.",
      content: { "*/*": { schema: { type: "string", format: "binary" } } },
    },
    ...failures("link_invalid", "object_not_found", "object_corrupted"),
  },
});

const write = createRoute({
  method: "put",
  path: "/v1/links/{token}",
  tags,
  summary: "Upload the bytes announced for a link",
  request: {
    params: token,
    body: {
      required: true,
      content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } },
    },
  },
  responses: {
    204: { description: "The bytes have arrived." },
    ...failures(
      "link_invalid",
      "body_too_large",
      "unsupported_media_type",
      "upload_mismatch",
      "invalid_request",
    ),
  },
});

export function linkRoutes(services: RouteContext) {
  const { db, store } = services;
  const router = createRouter();

  router.openapi(imageLink, async (c) => {
    const params = c.req.valid("param");
    const image = await getImage(db, scopeOf(c, params), params.image_id);
    const fileName = image.fileName ?? `${image.id}.${image.format}`;
    const about = { contentType: mediaTypeOf(image.format), fileName };
    return c.json(toLink(await linkToRead(c, services, image.objectKey, about)), 200);
  });

  router.openapi(versionLink, async (c) => {
    const { number, ...rest } = c.req.valid("param");
    const scope = scopeOf(c, rest);
    const project = projectOf(c, scope);
    const { weightsKey } = await getVersion(db, scope, number);
    const fileName = `${project.id}-v${number}.safetensors`;
    const about = { contentType: "application/octet-stream", fileName };
    return c.json(toLink(await linkToRead(c, services, weightsKey, about)), 200);
  });

  router.openapi(read, async (c) => {
    const link = await readOwnLink(services, c.req.valid("param").token, "GET");
    const bytes = await store.get(link.key);
    c.header("Content-Type", link.type);
    // What lies under a key never changes.
    c.header("ETag", `"${sha256(link.key).slice(0, 32)}"`);
    c.header("Content-Disposition", attachment(link.name));
    c.header("Content-Security-Policy", "default-src 'none'; sandbox");
    c.header("X-Content-Type-Options", "nosniff");
    c.header("Cache-Control", "private, max-age=3600, immutable");
    return c.body(bytes as Uint8Array<ArrayBuffer>);
  });

  router.openapi(write, async (c) => {
    const link = await readOwnLink(services, c.req.valid("param").token, "PUT");
    await requirePending(services, link);
    const take = async (file: FileUpload) => receiveUpload(services, link, file);
    await withFileUpload(c, link.bytes, take, "body_too_large");
    return c.body(null, 204);
  });

  return router;
}
