import { createRoute, z } from "@hono/zod-openapi";
import { channels } from "../db/listen.ts";
import { startPreview } from "../actions/start-preview.ts";
import { cancelPreview, getPreview, hasEnded, listPreviews } from "../db/queries/previews.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { pageBody, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import { previewSchema, toPreview } from "./wire/preview.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { idText, json, jsonBody, projectOf, projectParams, scopeOf } from "./http/scope.ts";
import { limitBody } from "./http/upload.ts";
import { asPreferred, preferHeader } from "./http/wait.ts";

const tags = ["fine-tunes"];
const small = limitBody(64 * 1024);

const previewParams = projectParams.extend({
  preview_id: idText().openapi({ param: { name: "preview_id", in: "path" }, example: "fpv_06b3f0cd7k…" }),
});

const create = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/fine-tunes:preview",
  tags,
  summary: "Check the data before a fine-tune: faults, duration, and what more images would gain",
  description:
    "Checks the annotations, trains short runs on parts of the images (about a minute on two cores) and draws a learning " +
    "curve. Poll `fine-tune-previews/{id}` for the result, or wait for it with `Prefer: wait=60`.",
  middleware: [small] as const,
  request: {
    params: projectParams,
    headers: idempotencyHeader.extend(preferHeader.shape),
    body: jsonBody(z.strictObject({ seed: z.int().min(0).max(2_147_483_647).default(0) })),
  },
  responses: {
    200: json(previewSchema, "The finished preview, if it ended within `Prefer: wait`."),
    202: json(previewSchema, "The preview, queued or running."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "project_not_found",
      "quota_exceeded",
      "body_too_large",
      ...idempotencyErrors,
    ),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/fine-tune-previews",
  tags,
  summary: "List previews, newest first",
  request: { params: projectParams, query: pageQuery },
  responses: {
    200: json(pageOf(previewSchema), "One page."),
    ...failures("invalid_request", "project_not_found"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/fine-tune-previews/{preview_id}",
  tags,
  summary: "Get a preview with its result",
  request: { params: previewParams },
  responses: { 200: json(previewSchema, "The preview."), ...failures("preview_not_found") },
});

const cancel = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/fine-tune-previews/{preview_id}/cancel",
  tags,
  summary: "Cancel a preview; repeating it is not an error",
  request: { params: previewParams },
  responses: {
    200: json(previewSchema, "The cancelled preview."),
    ...failures("preview_not_found", "preview_finished"),
  },
});

export function previewRoutes(services: RouteContext) {
  const { db } = services;
  const router = createRouter();

  router.openapi(create, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const { seed } = c.req.valid("json");
    projectOf(c, scope);
    const answer = await idempotent(c, db, { seed }, async () => {
      return { status: 202 as const, body: toPreview(await startPreview(services, scope, seed)) };
    });
    const job = await asPreferred(c, services, answer.body, {
      channel: channels.previews,
      look: async (id) => getPreview(db, scope, id),
      ended: hasEnded,
      show: toPreview,
    });
    return c.json(...job);
  });

  router.openapi(list, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    projectOf(c, scope);
    return c.json(pageBody(await listPreviews(db, scope, pageRequest(c.req.valid("query"))), toPreview), 200);
  });

  router.openapi(get, async (c) => {
    const params = c.req.valid("param");
    return c.json(toPreview(await getPreview(db, scopeOf(c, params), params.preview_id)), 200);
  });

  router.openapi(cancel, async (c) => {
    const params = c.req.valid("param");
    return c.json(toPreview(await cancelPreview(db, scopeOf(c, params), params.preview_id)), 200);
  });

  return router;
}
