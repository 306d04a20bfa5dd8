import { createRoute, z } from "@hono/zod-openapi";
import { insertPrediction } from "../db/queries/predictions.ts";
import { mostCloser, mostWindows } from "../inference/everything/closer.ts";
import { countPoints, planEverything } from "../inference/everything/plan.ts";
import { newId } from "../lib/ids.ts";
import { everythingCost, mostText } from "../actions/answer-cost.ts";
import { resolveVersions } from "../actions/asked-versions.ts";
import { failures } from "./http/errors.ts";
import {
  checkPoints,
  everythingBody,
  everythingSchema,
  toSegmentation,
  toSettings,
} from "./wire/everything.ts";
import { findImage } from "../actions/find-image.ts";
import { imageSourceErrors } from "./wire/image.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { json, jsonBody, projectOf, projectParams, scopeOf } from "./http/scope.ts";
import { LateValues, sendLate } from "./http/stream-json.ts";
import { limitBody, maxNamingBody } from "./http/upload.ts";

const segmentEverythingWith = (limit: number) =>
  createRoute({
    method: "post",
    path: "/v1/projects/{project_id}/segment-everything",
    tags: ["predict"],
    summary: "Segment every object of an image, without prompts",
    description:
      "Meta's automatic mask generator: a grid of points over the image, and over crops of it, asked for three masks " +
      "each; masks that are unsure, unstable or found twice are dropped. Names, meanings and defaults of the settings " +
      "are those of SamAutomaticMaskGenerator. It takes as long as that many predictions; when the client goes, the " +
      "work stops. A version that looks closer or refines is asked once more for each mask that it found, by the mask's " +
      `own box and point: ${mostCloser} masks and ${mostWindows} windows at most; what is beyond stays as it was found. ` +
      "Its masks take feedback as those of predict do: the `prompt` of a feedback is the mask's place in the answer.",
    middleware: [limitBody(limit, maxNamingBody)] as const,
    request: { params: projectParams, body: jsonBody(everythingBody) },
    responses: {
      200: {
        ...json(
          everythingSchema,
          "Results in the order of the versions, masks best first; those of smaller crops before others.",
        ),
        headers: z.object({
          "x-model-version": z.string().openapi({ description: "The versions that answered: `base,2`." }),
        }),
      },
      ...failures(
        "invalid_json",
        "invalid_request",
        "body_too_large",
        "unsupported_media_type",
        "project_not_found",
        "version_not_found",
        ...imageSourceErrors,
        "too_many_prompts",
        "answer_too_large",
        "memory_exceeded",
      ),
    },
  });

export function segmentEverythingRoutes(services: RouteContext) {
  const { db, inference, config, memory, metrics } = services;
  const router = createRouter();

  router.openapi(segmentEverythingWith(config.MAX_BODY_BYTES), async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const body = c.req.valid("json");
    const settings = toSettings(body);
    const { signal } = c.req.raw;
    const points = countPoints(settings);
    const project = projectOf(c, scope);
    checkPoints(points, 1, config.MAX_EVERYTHING_POINTS);
    const versions = await resolveVersions(services, scope, project, body.version);
    checkPoints(points, versions.length, config.MAX_EVERYTHING_POINTS);
    const image = await findImage(services, scope, body.image, {
      baseModel: project.baseModel,
      signal,
    });
    planEverything(image.size, settings);
    const cost = everythingCost(points * versions.length, image.size, body.format);
    const hint = "Lower points_per_side or crop_n_layers, or ask for run lengths (format rle).";
    const ask = { by: scope.workspaceId, what: "This answer", hint, param: "points_per_side", signal };
    const held = await memory.reserve(cost, ask);
    const late = new LateValues();
    try {
      const result = await inference.segmentEverything({
        workspaceId: scope.workspaceId,
        baseModel: project.baseModel,
        image: { ...image.source, size: image.size },
        versions,
        settings,
        format: body.format,
        maxAnswerBytes: mostText(cost, config.MAX_ANSWER_BYTES),
        signal,
      });
      const handle = { id: image.id, sha256: image.source.sha256 };
      const answer = toSegmentation(newId("pred"), handle, result, late);
      for (const from of result.embeddingsFrom) metrics.embeddings.inc({ from });
      const masks = answer.results.reduce((sum, { masks: found }) => sum + found.length, 0);
      metrics.predictedMasks.inc(masks);
      await insertPrediction(db, {
        ...scope,
        id: answer.id,
        imageSha256: image.source.sha256,
        width: result.width,
        height: result.height,
        versions: versions.map(({ number }) => number),
        prompts: points,
        request: {
          format: body.format,
          everything: settings,
          found: result.results.flatMap(({ version, masks: all }) =>
            all.map(({ foundAt: { crop, point, token } }) => [version, crop, point, token] as const),
          ),
        },
        masks,
        requestBytes: Number(c.req.header("content-length") ?? 0) || null,
        embeddingFrom: result.embeddingsFrom[0] ?? null,
        timingMs: answer.timing_ms,
        actor: c.get("caller").keyId,
      });
      c.header("x-model-version", answer.results.map(({ version }) => version).join(","));
      return await sendLate(c, answer, 200, late, held);
    } finally {
      if (!late.streams) held.release();
    }
  });

  return router;
}
