import { createRoute } from "@hono/zod-openapi";
import { startAutoLabel } from "../actions/start-auto-label.ts";
import { channels } from "../db/listen.ts";
import {
  autoLabelHasEnded,
  cancelAutoLabel,
  getAutoLabel,
  listAutoLabels,
} from "../db/queries/auto-labels.ts";
import type { RouteContext } from "./http/env.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { pageBody, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import { autoLabelParams, json, jsonBody, projectOf, projectParams, scopeOf } from "./http/scope.ts";
import { limitBody } from "./http/upload.ts";
import { asPreferred, preferHeader } from "./http/wait.ts";
import { autoLabelBody, autoLabelSchema, toAsked, toAutoLabel } from "./wire/auto-label.ts";

const tags = ["auto-label"];

const create = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/auto-label",
  tags,
  summary: "Label the rest: look for objects in all images without annotations",
  description:
    "Finds what the version was taught in every image that has no annotation and is not known to be empty. What it finds are `proposals`, to be accepted or rejected; no annotation is made before. An image's pending proposals of an earlier run are replaced. One runs at a time in a project.",
  middleware: [limitBody(64 * 1024)] as const,
  request: {
    params: projectParams,
    headers: idempotencyHeader.extend(preferHeader.shape),
    body: jsonBody(autoLabelBody),
  },
  responses: {
    200: json(autoLabelSchema, "The finished auto-label, if it ended within `Prefer: wait`."),
    202: json(autoLabelSchema, "The auto-label, queued or running."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "project_not_found",
      "version_not_found",
      "finder_missing",
      "label_unknown",
      "auto_label_running",
      "body_too_large",
      "unsupported_media_type",
      ...idempotencyErrors,
    ),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/auto-label",
  tags,
  summary: "List auto-labels, newest first",
  request: { params: projectParams, query: pageQuery },
  responses: {
    200: json(pageOf(autoLabelSchema), "One page."),
    ...failures("invalid_request", "project_not_found"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/auto-label/{auto_label_id}",
  tags,
  summary: "Get an auto-label's progress",
  request: { params: autoLabelParams },
  responses: { 200: json(autoLabelSchema, "The auto-label."), ...failures("auto_label_not_found") },
});

const cancel = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/auto-label/{auto_label_id}/cancel",
  tags,
  summary: "Cancel an auto-label; repeating it is not an error",
  description: "What it has found so far stays.",
  request: { params: autoLabelParams },
  responses: {
    200: json(autoLabelSchema, "The cancelled auto-label."),
    ...failures("auto_label_not_found", "auto_label_finished"),
  },
});

export function autoLabelRoutes(services: RouteContext) {
  const { db } = services;
  const router = createRouter();

  router.openapi(create, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const body = c.req.valid("json");
    projectOf(c, scope);
    const answer = await idempotent(c, db, body, async () => {
      const row = await startAutoLabel(services, scope, toAsked(body));
      return { status: 202 as const, body: toAutoLabel(row) };
    });
    const job = await asPreferred(c, services, answer.body, {
      channel: channels.autoLabels,
      look: async (id) => getAutoLabel(db, scope, id),
      ended: autoLabelHasEnded,
      show: toAutoLabel,
    });
    return c.json(...job);
  });

  router.openapi(list, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    projectOf(c, scope);
    const page = await listAutoLabels(db, scope, pageRequest(c.req.valid("query")));
    return c.json(pageBody(page, toAutoLabel), 200);
  });

  router.openapi(get, async (c) => {
    const params = c.req.valid("param");
    return c.json(toAutoLabel(await getAutoLabel(db, scopeOf(c, params), params.auto_label_id)), 200);
  });

  router.openapi(cancel, async (c) => {
    const params = c.req.valid("param");
    return c.json(toAutoLabel(await cancelAutoLabel(db, scopeOf(c, params), params.auto_label_id)), 200);
  });

  return router;
}
