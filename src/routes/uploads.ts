import { createRoute } from "@hono/zod-openapi";
import { announceUpload, checkSize } from "../actions/announce-upload.ts";
import { completeUpload } from "../actions/complete-upload.ts";
import { getUpload } from "../db/queries/uploads.ts";
import { keys } from "../storage/keys.ts";
import type { RouteContext } from "./http/env.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { linkSchema, linkSeconds, linkToWrite, toLink } from "./http/links.ts";
import { createRouter } from "./http/router.ts";
import { json, jsonBody, projectOf, projectParams, scopeOf, uploadParams } from "./http/scope.ts";
import { cleanName, limitBody } from "./http/upload.ts";
import { imageErrors } from "./wire/image.ts";
import { importQuery, optionsOf } from "./wire/import.ts";
import { toUpload, uploadBody, uploadSchema } from "./wire/upload.ts";

const tags = ["links"];

const create = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/uploads",
  tags,
  summary: "Announce a file and get a link for uploading it directly to the object store",
  description:
    "Send the file as the body of a request with the link's method, url and headers, then complete the upload. The link is valid for an hour and accepts only the announced bytes. They count towards the quota from now on, until the upload is completed or expires.",
  middleware: [limitBody(16 * 1024)] as const,
  request: {
    params: projectParams,
    headers: idempotencyHeader,
    body: jsonBody(uploadBody),
  },
  responses: {
    201: json(uploadSchema.extend({ link: linkSchema }).openapi("NewUpload"), "The upload and its link."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "unsupported_media_type",
      "body_too_large",
      "import_too_large",
      "project_not_found",
      "quota_exceeded",
      ...idempotencyErrors,
    ),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/uploads/{upload_id}",
  tags,
  summary: "Get an upload and its result",
  request: { params: uploadParams },
  responses: {
    200: json(uploadSchema, "The upload."),
    ...failures("invalid_request", "upload_not_found"),
  },
});

const complete = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/uploads/{upload_id}/complete",
  tags,
  summary: "Turn an uploaded file into an image or an import; repeating it is not an error",
  description: "The query parameters are those of an import; they are ignored for an image.",
  request: { params: uploadParams, query: importQuery },
  responses: {
    200: json(uploadSchema, "The completed upload, with image_id or import_id set."),
    ...failures(
      "invalid_request",
      "upload_not_found",
      "upload_incomplete",
      "upload_mismatch",
      "too_many_images",
      "quota_exceeded",
      ...imageErrors,
    ),
  },
});

export function uploadRoutes(services: RouteContext) {
  const { db } = services;
  const router = createRouter();

  router.openapi(create, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const body = c.req.valid("json");
    checkSize(body, services.config);
    projectOf(c, scope);
    const { file_name: fileName, group = null, ...file } = body;
    const announced = { ...file, fileName: cleanName(fileName), splitGroup: group, seconds: linkSeconds };
    const answer = await idempotent(c, db, body, async () => {
      const upload = await announceUpload(services, scope, announced);
      return { status: 201 as const, body: toUpload(upload) };
    });
    const { purpose, bytes, sha256 } = body;
    const contentType = purpose === "import" ? "application/zip" : "application/octet-stream";
    // Made anew for a replay: a link is a secret, which is not kept.
    const objectKey = keys.upload(scope.projectId, answer.body.id);
    const link = await linkToWrite(c, services, objectKey, { contentType, bytes, sha256 });
    return c.json({ ...answer.body, link: toLink(link) }, answer.status);
  });

  router.openapi(get, async (c) => {
    const params = c.req.valid("param");
    return c.json(toUpload(await getUpload(db, scopeOf(c, params), params.upload_id)), 200);
  });

  router.openapi(complete, async (c) => {
    const params = c.req.valid("param");
    const query = c.req.valid("query");
    const asImport = { options: optionsOf(query), dryRun: query.dry_run === true };
    const upload = await completeUpload(services, scopeOf(c, params), params.upload_id, asImport);
    return c.json(toUpload(upload), 200);
  });

  return router;
}
