import { createRoute } from "@hono/zod-openapi";
import type { Context } from "hono";
import { startImport } from "../actions/start-import.ts";
import { getImport, listImports } from "../db/queries/imports.ts";
import { requireRoom } from "../db/queries/usage.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { quotasOf } from "../actions/quotas.ts";
import { pageBody, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import type { Env, RouteContext } from "./http/env.ts";
import { createRouter } from "./http/router.ts";
import { importQuery, importSchema, optionsOf, toImport, watchedImport } from "./wire/import.ts";
import { importParams, json, projectOf, projectParams, scopeOf } from "./http/scope.ts";
import { type FileUpload, withFileUpload } from "./http/upload.ts";
import { asPreferred, preferHeader } from "./http/wait.ts";

const tags = ["imports"];

const create = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/imports",
  tags,
  summary: "Import a zip, a TAR or a Parquet file of images and masks",
  description:
    "Images with masks in folders of any name, COCO, YOLO, LabelMe, CVAT, Label Studio, PASCAL VOC, Parquet and the formats of many other tools: see docs/imports.md. Faulty entries are left out and listed in the import's report. A zip, a .tar, a .tar.gz or one .parquet, told by content: the multipart field `file`, or the body itself.",
  request: {
    params: projectParams,
    query: importQuery,
    headers: idempotencyHeader.extend(preferHeader.shape),
    body: {
      required: true,
      content: {
        "application/zip": { schema: { type: "string", format: "binary" } },
        "application/x-tar": { schema: { type: "string", format: "binary" } },
        "application/gzip": { schema: { type: "string", format: "binary" } },
        "application/vnd.apache.parquet": { schema: { type: "string", format: "binary" } },
        "multipart/form-data": {
          schema: {
            type: "object",
            required: ["file"],
            properties: { file: { type: "string", format: "binary" } },
          },
        },
      },
    },
  },
  responses: {
    200: json(importSchema, "The finished import, if it ended within `Prefer: wait`."),
    202: json(importSchema, "The import, stored and waiting for a worker."),
    ...failures(
      "invalid_request",
      "project_not_found",
      "import_too_large",
      "import_zip_invalid",
      "unsupported_media_type",
      "quota_exceeded",
      ...idempotencyErrors,
    ),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/imports",
  tags,
  summary: "List imports, newest first",
  request: { params: projectParams, query: pageQuery },
  responses: {
    200: json(pageOf(importSchema), "One page."),
    ...failures("invalid_request", "project_not_found"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/imports/{import_id}",
  tags,
  summary: "Get an import's progress",
  request: { params: importParams },
  responses: { 200: json(importSchema, "The import."), ...failures("import_not_found") },
});

export function importRoutes(services: RouteContext) {
  const { db, config } = services;
  const router = createRouter();

  router.openapi(create, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    // Asked before the body is read: nobody sends 2 GiB for a 404.
    projectOf(c, scope);
    const more = { bytes: toldBytes(c) };
    await requireRoom(db, scope.workspaceId, quotasOf(config), { of: ["bytes"], more });
    const take = async (file: FileUpload) => {
      const query = c.req.valid("query");
      const asked = { sha256: file.sha256, fileName: file.fileName, ...query };
      const options = { options: optionsOf(query), dryRun: query.dry_run === true };
      return idempotent(c, db, asked, async () => {
        const row = await startImport(services, scope, file, options);
        return { status: 202 as const, body: toImport(row) };
      });
    };
    const answer = await withFileUpload(c, config.MAX_IMPORT_BYTES, take);
    return c.json(...(await asPreferred(c, services, answer.body, watchedImport(db, scope))));
  });

  router.openapi(list, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    projectOf(c, scope);
    return c.json(pageBody(await listImports(db, scope, pageRequest(c.req.valid("query"))), toImport), 200);
  });

  router.openapi(get, async (c) => {
    const params = c.req.valid("param");
    return c.json(toImport(await getImport(db, scopeOf(c, params), params.import_id)), 200);
  });

  return router;
}

/** What is said of the file's size: a multipart body is larger by its heads, and the file is asked for once it is here. */
const toldBytes = (c: Context<Env>): number =>
  Math.max(0, Number(c.req.header("content-length") ?? 0) - 64 * 1024);
