import { createRoute, z } from "@hono/zod-openapi";
import type { TypedResponse } from "hono";
import { isPlain } from "../domain/focus.ts";
import { newId } from "../lib/ids.ts";
import { answerCost, mostText } from "../actions/answer-cost.ts";
import { resolveVersions } from "../actions/asked-versions.ts";
import { keepLowRes, keepsLowRes } from "../actions/earlier-masks.ts";
import { failures } from "./http/errors.ts";
import { findImage } from "../actions/find-image.ts";
import { imageSourceErrors } from "./wire/image.ts";
import { whileLogged } from "../actions/logged.ts";
import { maskErrors } from "./wire/mask.ts";
import {
  checkAmounts,
  checkAnswer,
  checkGeometry,
  masksOf,
  predictBody,
  predictionSchema,
  toPrediction,
} from "./wire/predict.ts";
import { readPrompts } from "../actions/read-prompts.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { json, jsonBody, projectOf, projectParams, scopeOf } from "./http/scope.ts";
import { LateValues } from "./http/stream-json.ts";
import { limitBody, maxNamingBody } from "./http/upload.ts";

const answerHint = "Ask for fewer prompts or versions at a time, or for run lengths (format rle).";

const predictWith = (limit: number) =>
  createRoute({
    method: "post",
    path: "/v1/projects/{project_id}/predict",
    tags: ["predict"],
    summary: "Segment the prompted objects of an image, with one or several versions",
    middleware: [limitBody(limit, maxNamingBody)] as const,
    request: { params: projectParams, body: jsonBody(predictBody) },
    responses: {
      200: {
        ...json(
          predictionSchema,
          "Results in the order of the versions, predictions in that of the prompts.",
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
        "prompt_empty",
        "too_many_prompts",
        "too_many_points",
        "too_many_regions",
        "answer_too_large",
        "memory_exceeded",
        "box_outside_image",
        "box_zero_area",
        "point_outside_image",
        "point_label_unknown",
        ...maskErrors,
        "mask_logits_invalid",
        "prediction_not_found",
        "prediction_image_mismatch",
        "prediction_mask_unknown",
        "prediction_not_repeatable",
      ),
    },
  });

export function predictRoutes(services: RouteContext) {
  const { inference, config, memory, metrics } = services;
  const router = createRouter();

  router.openapi(predictWith(config.MAX_BODY_BYTES), async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const body = c.req.valid("json");
    const { signal } = c.req.raw;
    const project = projectOf(c, scope);
    checkAmounts(body.prompts, config.MAX_PROMPTS);
    const versions = await resolveVersions(services, scope, project, body.version);
    const { known, predictionLog } = services;
    const looking = { baseModel: project.baseModel, signal, known };
    const image = await findImage(services, scope, body.image, looking);
    checkGeometry(body.prompts, image.size);
    checkAnswer(body, { versions: versions.length, size: image.size, limit: config.MAX_ANSWER_BYTES });
    const prompts = await readPrompts(services, project, body.prompts, image);
    const cost = answerCost({
      format: body.format,
      masks: masksOf(body, versions.length),
      size: image.size,
      closer: versions.some(({ focus }) => focus && !isPlain(focus)),
    });
    const ask = { by: scope.workspaceId, what: "This answer", hint: answerHint, param: "prompts", signal };
    const held = await memory.reserve(cost, ask);
    // What is long is written while it is sent, which its memory waits for.
    const late = new LateValues();
    try {
      const lowRes = keepsLowRes(body, versions.length);
      const id = newId("pred");
      const row = {
        ...scope,
        id,
        imageSha256: image.source.sha256,
        height: image.size[0],
        width: image.size[1],
        versions: versions.map(({ number }) => number),
        prompts: body.prompts.length,
        request: { prompts: prompts.logged, multimask: body.multimask, format: body.format },
        requestBytes: Number(c.req.header("content-length") ?? 0) || null,
        actor: c.get("caller").keyId,
      };
      const entry = predictionLog.open(row, image.id);
      const result = await whileLogged(entry, image.id, async () =>
        inference.predict({
          workspaceId: scope.workspaceId,
          baseModel: project.baseModel,
          image: image.source,
          size: image.size,
          versions,
          prompts: prompts.asked,
          multimask: body.multimask,
          format: body.format,
          polygonTolerance: body.polygon_tolerance,
          lowRes,
          maxAnswerText: mostText(cost, config.MAX_ANSWER_BYTES),
          signal,
        }),
      );
      const answer = toPrediction(id, { id: image.id, sha256: image.source.sha256 }, result, late);
      if (lowRes) keepLowRes(services.recentMasks, id, result);
      metrics.embeddings.inc({ from: result.embeddingFrom });
      const masks = answer.results.flatMap((one) => one.predictions.flatMap((each) => each.masks)).length;
      metrics.predictedMasks.inc(masks);
      const text = JSON.stringify(answer);
      await entry.finish({
        masks,
        answerBytes: await late.bytesWith(text),
        embeddingFrom: result.embeddingFrom,
        timingMs: answer.timing_ms,
      });
      c.header("x-model-version", answer.results.map(({ version }) => version).join(","));
      // What c.json does, without writing the text a second time.
      const response = c.body(
        late.bodyOf(text, () => held.release()),
        200,
        { "content-type": "application/json" },
      );
      return response as unknown as TypedResponse<typeof answer, 200, "json">;
    } finally {
      if (!late.streams) held.release();
    }
  });

  return router;
}
