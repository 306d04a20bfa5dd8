import { createRoute, type z } from "@hono/zod-openapi";
import { startFineTune } from "../actions/start-fine-tune.ts";
import { channels } from "../db/listen.ts";
import {
  cancelFineTune,
  getFineTune,
  hasEnded,
  listFineTunes,
  stopFineTune,
} from "../db/queries/fine-tunes.ts";
import { failures } from "./http/errors.ts";
import { fineTuneBody, fineTuneFault, fineTuneSchema, toFineTune } from "./wire/fine-tune.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { pageBody, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { fineTuneParams, json, jsonBody, projectOf, projectParams, scopeOf } from "./http/scope.ts";
import { limitBody } from "./http/upload.ts";
import { asPreferred, preferHeader } from "./http/wait.ts";

const tags = ["fine-tunes"];
const small = limitBody(64 * 1024);

const create = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/fine-tunes",
  tags,
  summary: "Fine-tune the mask decoder on the project's annotations; {} is enough",
  middleware: [small] as const,
  request: {
    params: projectParams,
    headers: idempotencyHeader.extend(preferHeader.shape),
    body: jsonBody(fineTuneBody),
  },
  responses: {
    200: json(fineTuneSchema, "The finished job, if it ended within `Prefer: wait`."),
    202: json(fineTuneSchema, "The job, queued or running."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "project_not_found",
      "version_not_found",
      "hyperparameter_invalid",
      "not_enough_annotations",
      "quota_exceeded",
      "body_too_large",
      ...idempotencyErrors,
    ),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/fine-tunes",
  tags,
  summary: "List fine-tunes, newest first",
  request: { params: projectParams, query: pageQuery },
  responses: {
    200: json(pageOf(fineTuneSchema), "One page."),
    ...failures("invalid_request", "project_not_found"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/fine-tunes/{fine_tune_id}",
  tags,
  summary: "Get a fine-tune",
  request: { params: fineTuneParams },
  responses: { 200: json(fineTuneSchema, "The job."), ...failures("fine_tune_not_found") },
});

const cancel = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/fine-tunes/{fine_tune_id}/cancel",
  tags,
  summary: "Cancel a fine-tune; repeating it is not an error",
  request: { params: fineTuneParams },
  responses: {
    200: json(fineTuneSchema, "The cancelled job."),
    ...failures("fine_tune_not_found", "fine_tune_finished"),
  },
});

const stop = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/fine-tunes/{fine_tune_id}/stop",
  tags,
  summary: "Stop training early and keep the best epoch so far as a version; repeating it is not an error",
  description:
    "The job goes on to evaluating at once and registers a version like any other, so it ends as `succeeded`. While it " +
    "is still queued or preparing there is nothing to keep (`fine_tune_not_training`); `cancel` throws away what there is.",
  request: { params: fineTuneParams },
  responses: {
    200: json(fineTuneSchema, "The job, which is about to stop."),
    ...failures("fine_tune_not_found", "fine_tune_finished", "fine_tune_not_training"),
  },
});

export function fineTuneRoutes(services: RouteContext) {
  const { db } = services;
  const router = createRouter();

  router.openapi(
    create,
    async (c) => {
      const scope = scopeOf(c, c.req.valid("param"));
      const body = c.req.valid("json");
      projectOf(c, scope);
      const { hyperparameters, seed, base_version: baseVersion = null } = body;
      const answer = await idempotent(c, db, body, async () => {
        const row = await startFineTune(services, scope, { hyperparameters, seed, baseVersion });
        return { status: 202, body: toFineTune(row) };
      });
      const job = await asPreferred(c, services, answer.body, {
        channel: channels.fineTuneChanged,
        look: async (id) => getFineTune(db, scope, id),
        ended: ({ status }) => hasEnded(status),
        show: toFineTune,
      });
      return c.json(...job);
    },
    nameHyperparameters,
  );

  router.openapi(list, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    projectOf(c, scope);
    const page = await listFineTunes(db, scope, pageRequest(c.req.valid("query")));
    return c.json(pageBody(page, toFineTune), 200);
  });

  router.openapi(get, async (c) => {
    const params = c.req.valid("param");
    return c.json(toFineTune(await getFineTune(db, scopeOf(c, params), params.fine_tune_id)), 200);
  });

  router.openapi(cancel, async (c) => {
    const params = c.req.valid("param");
    const row = await cancelFineTune(db, scopeOf(c, params), params.fine_tune_id, c.get("caller").keyId);
    return c.json(toFineTune(row), 200);
  });

  router.openapi(stop, async (c) => {
    const params = c.req.valid("param");
    const row = await stopFineTune(db, scopeOf(c, params), params.fine_tune_id, c.get("caller").keyId);
    return c.json(toFineTune(row), 200);
  });

  return router;
}

const nameHyperparameters = (
  result: { target: string } & ({ success: true } | { success: false; error: z.ZodError }),
): undefined => {
  if (!result.success) throw fineTuneFault(result.error, result.target);
};
