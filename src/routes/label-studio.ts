import { createRoute } from "@hono/zod-openapi";
import { answerTasks, type AskedTasks, prewarmTask } from "../actions/label-studio/answer-tasks.ts";
import { hearEvent } from "../actions/label-studio/hear-event.ts";
import { readLabellingConfig } from "../actions/label-studio/labelling-config.ts";
import { liveModelVersion, modelVersion } from "../actions/label-studio/model-version.ts";
import { listVersions } from "../db/queries/versions.ts";
import { requireScope } from "./http/auth.ts";
import type { RouteContext } from "./http/env.ts";
import { failures } from "./http/errors.ts";
import { createRouter } from "./http/router.ts";
import { askOf, contentLength, json, jsonBody, projectOf, projectParams, scopeOf } from "./http/scope.ts";
import { answerLate, sendLate, LateValues } from "./http/stream-json.ts";
import { limitBody, maxMaskBody } from "./http/upload.ts";
import {
  studioEventBody,
  studioHealth,
  studioHeard,
  studioPredictBody,
  studioPredictions,
  studioSetup,
  studioSetupBody,
  studioUnknownEvent,
  studioVersions,
} from "./wire/label-studio.ts";
import { drawnErrors } from "./wire/mask.ts";
import { toEvent, toHeard, toPredictions, toPrewarmed, toTasks } from "./wire/label-studio-values.ts";

const tags = ["label-studio"];
const at = "/label-studio/{project_id}";
const request = { params: projectParams };
const bodyErrors = [
  "invalid_json",
  "invalid_request",
  "body_too_large",
  "unsupported_media_type",
  "project_not_found",
  "label_config_unsupported",
] as const;

const healthAt = (path: string) =>
  createRoute({
    method: "get",
    path,
    tags,
    summary: "Whether Label Studio can work with this project",
    request,
    responses: {
      200: json(studioHealth, "Label Studio can work with it."),
      ...failures("project_not_found"),
    },
  });

const versions = createRoute({
  method: "get",
  path: `${at}/versions`,
  tags,
  summary: "List versions as Label Studio names them: the live one, then the newest hundred",
  request,
  responses: { 200: json(studioVersions, "Their names."), ...failures("project_not_found") },
});

const setup = createRoute({
  method: "post",
  path: `${at}/setup`,
  tags,
  summary: "Check a labelling interface and name the version that will answer",
  description: "What Label Studio sends of itself, its access token too, is not kept.",
  middleware: [limitBody(2 * 1024 * 1024)] as const,
  request: { ...request, body: jsonBody(studioSetupBody) },
  responses: { 200: json(studioSetup, "The live version."), ...failures(...bodyErrors) },
});

const predictWith = (limit: number) =>
  createRoute({
    method: "post",
    path: `${at}/predict`,
    tags,
    summary: "Get regions for tasks: for what a person has just drawn, or else all that the version finds",
    description:
      "Label Studio's ML backend protocol; keypoints, rectangles and brush regions of `params.context` are one prompt. " +
      "Tasks' images are those of the project, known by their names: nothing is fetched.",
    middleware: [limitBody(limit)] as const,
    request: { ...request, body: jsonBody(studioPredictBody) },
    responses: {
      200: json(
        studioPredictions,
        "A prediction for each task; none where the version finds nothing by itself.",
      ),
      ...failures(
        ...bodyErrors,
        "version_not_found",
        "image_not_found",
        "image_unreadable",
        "image_truncated",
        "image_format_unsupported",
        "image_too_many_pixels",
        "image_damaged",
        "version_damaged",
        ...drawnErrors,
        "answer_too_large",
        "memory_exceeded",
        "mask_size_mismatch",
        "mask_empty",
        "mask_rle_invalid",
      ),
    },
  });

const webhookWith = (limit: number) =>
  createRoute({
    method: "post",
    path: `${at}/webhook`,
    tags,
    summary: "Take over what was saved or deleted in Label Studio, or start a fine-tune",
    description:
      "ANNOTATION_CREATED, ANNOTATIONS_CREATED, ANNOTATION_UPDATED, ANNOTATIONS_DELETED, and START_TRAINING, which asks for " +
      "the scope train. An annotation replaces what was said of its task before.",
    middleware: [limitBody(limit)] as const,
    request: { ...request, body: jsonBody(studioEventBody) },
    responses: {
      200: json(studioUnknownEvent, "An event that changes nothing here."),
      201: json(studioHeard, "What was done."),
      ...failures(
        ...bodyErrors,
        "image_not_found",
        "memory_exceeded",
        "scope_missing",
        "not_enough_annotations",
        "quota_exceeded",
      ),
    },
  });

export function labelStudioRoutes(services: RouteContext) {
  const { config, db } = services;
  const router = createRouter();
  const limit = Math.min(config.MAX_BODY_BYTES, maxMaskBody);

  for (const route of [healthAt(at), healthAt(`${at}/health`)]) {
    router.openapi(route, (c) => {
      projectOf(c, scopeOf(c, c.req.valid("param")));
      return c.json({ status: "UP" as const, model_class: "maskwright" }, 200);
    });
  }

  router.openapi(versions, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const project = projectOf(c, scope);
    const { rows } = await listVersions(db, scope, { limit: 100 });
    const names = [
      liveModelVersion(project),
      ...rows.map(({ number }) => modelVersion(number)),
      modelVersion(0),
    ];
    return c.json({ versions: [...new Set(names)] }, 200);
  });

  router.openapi(setup, (c) => {
    const project = projectOf(c, scopeOf(c, c.req.valid("param")));
    readLabellingConfig(c.req.valid("json").schema, "schema");
    return c.json({ model_version: liveModelVersion(project) }, 200);
  });

  router.openapi(predictWith(limit), async (c) => {
    const ask = askOf(c, c.req.valid("param"));
    const body = c.req.valid("json");
    const asked: AskedTasks = { ...toTasks(body), requestBytes: contentLength(c) };
    if (body.params?.context?.event === "prewarm") {
      const control = await prewarmTask(services, ask, asked);
      return sendLate(c, toPrewarmed(control, liveModelVersion(ask.project)), 200, new LateValues());
    }
    const answered = await answerTasks(services, ask, asked);
    return answerLate(c, 200, answered.held, {
      write: (late) => toPredictions(answered.answers, late),
      written: (bytes) => answered.finish(bytes),
    });
  });

  router.openapi(webhookWith(limit), async (c) => {
    const ask = askOf(c, c.req.valid("param"));
    const event = toEvent(c.req.valid("json"));
    if (event === null) return c.json({ status: "Unknown event" as const }, 200);
    if (event.kind === "train") requireScope(c.get("caller"), "train");
    return c.json({ status: "ok" as const, result: toHeard(await hearEvent(services, ask, event)) }, 201);
  });

  return router;
}
