import { createRoute } from "@hono/zod-openapi";
import { giveFeedback } from "../actions/give-feedback.ts";
import { listFeedback } from "../db/queries/feedback.ts";
import type { RouteContext } from "./http/env.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { pageBody, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import {
  askOf,
  idText,
  json,
  jsonBody,
  predictionParams,
  projectOf,
  projectParams,
  scopeOf,
} from "./http/scope.ts";
import { limitBody, maxMaskBody } from "./http/upload.ts";
import { feedbackBody, feedbackSchema, toFeedback, toSaid } from "./wire/feedback.ts";
import { maskErrors } from "./wire/mask.ts";

const tags = ["feedback"];

const createWith = (limit: number) =>
  createRoute({
    method: "post",
    path: "/v1/projects/{project_id}/predictions/{prediction_id}/feedback",
    tags,
    summary: "Accept, reject or correct a predicted mask",
    description:
      "An accepted or corrected mask becomes an annotation of the stored image, with its lineage: which version answered which prompt. Feedback on the same prompt, or on the same found object, replaces earlier feedback. Once the project has `fine_tune_after_corrections` new corrections, a fine-tune starts automatically.",
    middleware: [limitBody(limit)] as const,
    request: { params: predictionParams, headers: idempotencyHeader, body: jsonBody(feedbackBody) },
    responses: {
      201: json(feedbackSchema, "The feedback, and the annotation created from it."),
      ...failures(
        "invalid_json",
        "invalid_request",
        "body_too_large",
        "unsupported_media_type",
        "project_not_found",
        "prediction_not_found",
        "prediction_mask_unknown",
        "prediction_not_repeatable",
        "image_handle_unknown",
        "image_not_found",
        "version_not_found",
        "feedback_mask_missing",
        "feedback_image_not_stored",
        ...maskErrors,
        ...idempotencyErrors,
      ),
    },
  });

const list = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/feedback",
  tags,
  summary: "List feedback, newest first",
  request: { params: projectParams, query: pageQuery.extend({ prediction_id: idText().optional() }) },
  responses: {
    200: json(pageOf(feedbackSchema), "One page."),
    ...failures("invalid_request", "project_not_found"),
  },
});

export function feedbackRoutes(services: RouteContext) {
  const { db, config } = services;
  const router = createRouter();

  router.openapi(createWith(Math.min(config.MAX_BODY_BYTES, maxMaskBody)), async (c) => {
    const params = c.req.valid("param");
    const body = c.req.valid("json");
    const ask = askOf(c, params);
    const answer = await idempotent(c, db, body, async () => {
      const said = { ...toSaid(body), predictionId: params.prediction_id };
      return { status: 201, body: toFeedback(await giveFeedback(services, ask, said)) };
    });
    return c.json(answer.body, answer.status);
  });

  router.openapi(list, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const query = c.req.valid("query");
    projectOf(c, scope);
    const page = await listFeedback(db, scope, {
      ...pageRequest(query),
      predictionId: query.prediction_id,
    });
    return c.json(pageBody(page, toFeedback), 200);
  });

  return router;
}
