import { createRoute } from "@hono/zod-openapi";
import { annotate } from "../actions/annotate.ts";
import { deleteAnnotation, getAnnotation, planPage, readPage } from "../db/queries/annotations.ts";
import { maxPageBytes } from "../db/queries/page.ts";
import type { RouteContext } from "./http/env.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { copiesOfText, pageBody, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import {
  annotationParams,
  deleted,
  idText,
  json,
  jsonBody,
  projectOf,
  projectParams,
  scopeOf,
} from "./http/scope.ts";
import { answerLate, LateValues, maskWriter, sendLate, textWriter } from "./http/stream-json.ts";
import { limitBody, maxMaskBody } from "./http/upload.ts";
import { annotationBody, annotationSchema, toAnnotation } from "./wire/annotation.ts";
import { maskErrors } from "./wire/mask.ts";

const tags = ["annotations"];

const createWith = (limit: number) =>
  createRoute({
    method: "post",
    path: "/v1/projects/{project_id}/annotations",
    tags,
    summary: "Add an annotation: the true mask of one object",
    middleware: [limitBody(limit)] as const,
    request: { params: projectParams, headers: idempotencyHeader, body: jsonBody(annotationBody) },
    responses: {
      201: json(annotationSchema, "The new annotation."),
      ...failures(
        "invalid_json",
        "invalid_request",
        "body_too_large",
        "unsupported_media_type",
        "project_not_found",
        "image_not_found",
        ...maskErrors,
        "box_outside_image",
        "box_zero_area",
        "box_misses_mask",
        ...idempotencyErrors,
      ),
    },
  });

const list = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/annotations",
  tags,
  summary: "List annotations, newest first",
  description: `A page holds fewer than \`limit\` rows if its masks reach ${maxPageBytes} bytes; \`has_more\` says whether more follow.`,
  request: { params: projectParams, query: pageQuery.extend({ image_id: idText().optional() }) },
  responses: {
    200: json(pageOf(annotationSchema), "One page."),
    ...failures("invalid_request", "project_not_found", "memory_exceeded"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/annotations/{annotation_id}",
  tags,
  summary: "Get an annotation",
  request: { params: annotationParams },
  responses: { 200: json(annotationSchema, "The annotation."), ...failures("annotation_not_found") },
});

const remove = createRoute({
  method: "delete",
  path: "/v1/projects/{project_id}/annotations/{annotation_id}",
  tags,
  summary: "Delete an annotation",
  request: { params: annotationParams },
  responses: { 200: json(deleted("annotation"), "Deleted."), ...failures("annotation_not_found") },
});

export function annotationRoutes(services: RouteContext) {
  const { db, config, memory } = services;
  const router = createRouter();

  router.openapi(createWith(Math.min(config.MAX_BODY_BYTES, maxMaskBody)), async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const body = c.req.valid("json");
    projectOf(c, scope);
    const answer = await idempotent(c, db, body, async () => {
      const { image_id: imageId, ...rest } = body;
      return { status: 201, body: toAnnotation(await annotate(services, scope, { imageId, ...rest })) };
    });
    const late = new LateValues();
    const { mask } = answer.body;
    const written = maskWriter([mask], late)(mask);
    return sendLate(c, { ...answer.body, mask: written }, answer.status, late);
  });

  router.openapi(list, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const query = c.req.valid("query");
    projectOf(c, scope);
    const page = await planPage(db, scope, { ...pageRequest(query), imageId: query.image_id });
    const ask = { by: scope.workspaceId, what: "This page", hint: "Get fewer at a time." };
    const held = await memory.reserve(copiesOfText * page.bytes, ask);
    return answerLate(c, 200, held, {
      write: async (late) => {
        const read = await readPage(db, scope, page);
        const written = textWriter(
          read.rows.map(({ counts }) => counts),
          late,
        );
        return pageBody(read, (row) => toAnnotation(row, written));
      },
    });
  });

  router.openapi(get, async (c) => {
    const params = c.req.valid("param");
    const row = await getAnnotation(db, scopeOf(c, params), params.annotation_id);
    const late = new LateValues();
    return sendLate(c, toAnnotation(row, textWriter([row.counts], late)), 200, late);
  });

  router.openapi(remove, async (c) => {
    const params = c.req.valid("param");
    await deleteAnnotation(db, scopeOf(c, params), params.annotation_id);
    return c.json({ id: params.annotation_id, object: "annotation" as const, deleted: true as const }, 200);
  });

  return router;
}
