import { createRoute } from "@hono/zod-openapi";
import { startBucketImport } from "../actions/start-bucket-import.ts";
import type { RouteContext } from "./http/env.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { createRouter } from "./http/router.ts";
import { json, jsonBody, projectOf, projectParams, scopeOf } from "./http/scope.ts";
import { limitBody } from "./http/upload.ts";
import { asPreferred, preferHeader } from "./http/wait.ts";
import { bucketImportBody, importSchema, optionsOf, toImport, watchedImport } from "./wire/import.ts";

const create = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/imports:bucket",
  tags: ["imports"],
  summary: "Import what lies in a bucket, where it lies",
  description:
    "Reads the objects below a prefix as the files of a zip, with the installation's own credentials; IMPORT_BUCKETS says which prefixes are open. What an import of this project has read before, by key, ETag and size, is not read again. See docs/imports.md.",
  middleware: [limitBody(64 * 1024)] as const,
  request: {
    params: projectParams,
    headers: idempotencyHeader.extend(preferHeader.shape),
    body: jsonBody(bucketImportBody),
  },
  responses: {
    200: json(importSchema, "The finished import, if it ended within `Prefer: wait`."),
    202: json(importSchema, "The import, waiting for a worker."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "project_not_found",
      "bucket_not_allowed",
      "body_too_large",
      "unsupported_media_type",
      ...idempotencyErrors,
    ),
  },
});

export function bucketImportRoutes(services: RouteContext) {
  const { db } = services;
  const router = createRouter();

  router.openapi(create, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    projectOf(c, scope);
    const body = c.req.valid("json");
    const { bucket, prefix, again, dry_run: dryRun, ...choices } = body;
    const answer = await idempotent(c, db, body, async () => {
      const place = { bucket, prefix, again };
      const row = await startBucketImport(services, scope, place, { options: optionsOf(choices), dryRun });
      return { status: 202 as const, body: toImport(row) };
    });
    return c.json(...(await asPreferred(c, services, answer.body, watchedImport(db, scope))));
  });

  return router;
}
