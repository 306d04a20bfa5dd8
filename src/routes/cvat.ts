import { createRoute, z } from "@hono/zod-openapi";
import { resolveVersions } from "../actions/asked-versions.ts";
import { answerInteraction } from "../actions/cvat/answer-interaction.ts";
import { detect, mostObjects } from "../actions/cvat/detect.ts";
import { inMessage } from "../actions/cvat/in-message.ts";
import { cvatLabels } from "../actions/cvat/labels.ts";
import { embedImage } from "../actions/embed-image.ts";
import type { RouteContext } from "./http/env.ts";
import { failures } from "./http/errors.ts";
import { createRouter } from "./http/router.ts";
import { askOf, contentLength, json, jsonBody, projectParams } from "./http/scope.ts";
import { answerLate, textWriter } from "./http/stream-json.ts";
import { limitBody } from "./http/upload.ts";
import {
  cvatDetectorBody,
  cvatEncoderBody,
  cvatFeatures,
  cvatInteractorBody,
  cvatMask,
  cvatObjects,
  cvatProject,
} from "./wire/cvat.ts";
import { toInteraction, toMask, toObjects } from "./wire/cvat-values.ts";
import { imageErrors } from "./wire/image.ts";
import { drawnErrors } from "./wire/mask.ts";
import { versionInQuery } from "./wire/version-name.ts";

const tags = ["cvat"];
const at = "/cvat/{project_id}";
const query = z.object({ version: versionInQuery });
const bodyErrors = [
  "invalid_json",
  "invalid_request",
  "body_too_large",
  "unsupported_media_type",
  "project_not_found",
  "memory_exceeded",
  ...imageErrors,
] as const;
const answerErrors = ["version_not_found", "version_damaged", "answer_too_large"] as const;

const project = createRoute({
  method: "get",
  path: at,
  tags,
  summary: "The version that answers CVAT, and the labels that its detector finds",
  request: { params: projectParams, query },
  responses: {
    200: json(cvatProject, "The `spec` of a CVAT function."),
    ...failures("invalid_request", "project_not_found", "version_not_found"),
  },
});

const interactorWith = (limit: number) =>
  createRoute({
    method: "post",
    path: `${at}/interactor`,
    tags,
    summary: "One mask of points and a rectangle, as CVAT's interactors answer",
    description:
      "What CVAT sends to a Nuclio function of the type interactor. Points and rectangle are one prompt; the answer is the " +
      "mask that `POST /v1/projects/{project_id}/predict` gives for it, pixel by pixel.",
    middleware: [limitBody(limit)] as const,
    request: { params: projectParams, query, body: jsonBody(cvatInteractorBody) },
    responses: {
      200: json(cvatMask, "The mask, cut to its own box."),
      ...failures(...bodyErrors, ...answerErrors, ...drawnErrors),
    },
  });

const detectorWith = (limit: number) =>
  createRoute({
    method: "post",
    path: `${at}/detector`,
    tags,
    summary: "All objects that a version finds by itself, as CVAT's detectors answer",
    description:
      `What CVAT sends to a Nuclio function of the type detector. Masks with outlines, at most ${mostObjects}, the best first; ` +
      "objects that were annotated without a label are called `object`.",
    middleware: [limitBody(limit)] as const,
    request: { params: projectParams, query, body: jsonBody(cvatDetectorBody) },
    responses: {
      200: json(cvatObjects, "The objects."),
      ...failures(...bodyErrors, ...answerErrors, "finder_missing"),
    },
  });

const encoderWith = (limit: number) =>
  createRoute({
    method: "post",
    path: `${at}/encoder`,
    tags,
    summary: "An image's embedding, for CVAT's decoder in the browser",
    description:
      "What CVAT's Segment Anything function answers, by the project's base model. The decoder that goes with it is a " +
      "version's `export?format=onnx&variant=cvat`.",
    middleware: [limitBody(limit)] as const,
    request: { params: projectParams, body: jsonBody(cvatEncoderBody) },
    responses: {
      200: json(cvatFeatures, "4 MiB of numbers."),
      ...failures(...bodyErrors, "base_model_unsupported"),
    },
  });

/** An embedding in its two orders, and its base64. */
const encodedBytes = 16 * 1024 * 1024;

export function cvatRoutes(services: RouteContext) {
  const { config, memory } = services;
  const router = createRouter();
  const limit = config.MAX_BODY_BYTES;

  router.openapi(project, async (c) => {
    const { scope, project: row } = askOf(c, c.req.valid("param"));
    const [version] = await resolveVersions(services, scope, row, c.req.valid("query").version);
    const labels = cvatLabels(version?.finder).map((label) => ({ ...label, type: "mask" as const }));
    return c.json({ version: version?.number || ("base" as const), labels }, 200);
  });

  router.openapi(interactorWith(limit), async (c) => {
    const ask = askOf(c, c.req.valid("param"));
    const { version } = c.req.valid("query");
    const drawn = toInteraction(c.req.valid("json"));
    const asked = { ...drawn, version, requestBytes: contentLength(c) };
    const { bits, held, finish } = await answerInteraction(services, ask, asked);
    return answerLate(c, 200, held, { write: (late) => toMask(bits, late), written: finish });
  });

  router.openapi(detectorWith(limit), async (c) => {
    const ask = askOf(c, c.req.valid("param"));
    const { version } = c.req.valid("query");
    const { image: base64, threshold } = c.req.valid("json");
    const asked = { base64, threshold: threshold ?? undefined, version, requestBytes: contentLength(c) };
    const { objects, held, finish } = await detect(services, ask, asked);
    return answerLate(c, 200, held, { write: (late) => toObjects(objects, late), written: finish });
  });

  router.openapi(encoderWith(limit), async (c) => {
    const ask = askOf(c, c.req.valid("param"));
    const { image: base64 } = c.req.valid("json");
    const what = { by: ask.scope.workspaceId, what: "This answer", param: "image", signal: ask.signal };
    const held = await memory.reserve(encodedBytes, what);
    try {
      const blob = Buffer.from(await embedImage(services, ask, { base64 })).toString("base64");
      return await answerLate(c, 200, held, { write: (late) => ({ blob: textWriter([blob], late)(blob) }) });
    } catch (error) {
      held.release();
      throw inMessage(error);
    }
  });

  return router;
}
