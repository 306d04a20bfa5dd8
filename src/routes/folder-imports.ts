import { createRoute } from "@hono/zod-openapi";
import { startFolderImport } from "../actions/start-folder-import.ts";
import type { RouteContext } from "./http/env.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { createRouter } from "./http/router.ts";
import { json, jsonBody, projectOf, projectParams, scopeOf } from "./http/scope.ts";
import { limitBody } from "./http/upload.ts";
import { asPreferred, preferHeader } from "./http/wait.ts";
import { folderImportBody, importSchema, optionsOf, toImport, watchedImport } from "./wire/import.ts";

const create = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/imports:folder",
  tags: ["imports"],
  summary: "Import a folder of the server, where it lies",
  description:
    "Reads the files of a folder on the machines of this installation as those of a zip; IMPORT_FOLDERS says which are open. Links are not followed. See docs/imports.md.",
  middleware: [limitBody(64 * 1024)] as const,
  request: {
    params: projectParams,
    headers: idempotencyHeader.extend(preferHeader.shape),
    body: jsonBody(folderImportBody),
  },
  responses: {
    200: json(importSchema, "The finished import, if it ended within `Prefer: wait`."),
    202: json(importSchema, "The import, waiting for a worker."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "project_not_found",
      "folder_not_allowed",
      "body_too_large",
      "unsupported_media_type",
      ...idempotencyErrors,
    ),
  },
});

export function folderImportRoutes(services: RouteContext) {
  const { db } = services;
  const router = createRouter();

  router.openapi(create, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    projectOf(c, scope);
    const body = c.req.valid("json");
    const { folder, dry_run: dryRun, ...choices } = body;
    const answer = await idempotent(c, db, body, async () => {
      const row = await startFolderImport(services, scope, folder, { options: optionsOf(choices), dryRun });
      return { status: 202 as const, body: toImport(row) };
    });
    return c.json(...(await asPreferred(c, services, answer.body, watchedImport(db, scope))));
  });

  return router;
}
