import { createRoute, z } from "@hono/zod-openapi";
import { predict } from "../actions/predict.ts";
import type { RouteContext } from "./http/env.ts";
import { failures } from "./http/errors.ts";
import { createRouter } from "./http/router.ts";
import { askOf, contentLength, json, jsonBody, projectParams } from "./http/scope.ts";
import { answerLate } from "./http/stream-json.ts";
import { limitBody, maxNamingBody } from "./http/upload.ts";
import { imageSourceErrors } from "./wire/image.ts";
import { drawnErrors, maskErrors } from "./wire/mask.ts";
import { predictBody, predictionSchema, toAsked, toPrediction } from "./wire/predict.ts";

const predictWith = (limit: number) =>
  createRoute({
    method: "post",
    path: "/v1/projects/{project_id}/predict",
    tags: ["predict"],
    summary: "Segment the prompted objects of an image, with one or several versions",
    description:
      "Objects are prompted by drawing (box, points, mask), or found without drawing: a version that a fine-tune made " +
      'knows its own labels. `{"label": "stamp"}` among the prompts asks for every stamp, `"find": true` for the ' +
      "objects of all labels, and `like` for what is like an object that is there. Found masks take feedback and can be referred to like others.",
    middleware: [limitBody(limit, maxNamingBody)] as const,
    request: { params: projectParams, body: jsonBody(predictBody) },
    responses: {
      200: {
        ...json(
          predictionSchema,
          "Results in the order of the versions, predictions in the order of the prompts.",
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
        ...drawnErrors,
        "too_many_prompts",
        "answer_too_large",
        "memory_exceeded",
        "point_label_unknown",
        "annotation_not_found",
        "label_unknown",
        "finder_missing",
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
  const router = createRouter();

  router.openapi(predictWith(services.config.MAX_BODY_BYTES), async (c) => {
    const ask = askOf(c, c.req.valid("param"));
    const asked = { ...toAsked(c.req.valid("json")), requestBytes: contentLength(c) };
    const predicted = await predict(services, ask, asked);
    return answerLate(c, 200, predicted.held, {
      write: (late) => {
        const answer = toPrediction(predicted, late);
        c.header("x-model-version", answer.results.map(({ version }) => version).join(","));
        return answer;
      },
      written: (bytes) => predicted.finish(bytes),
    });
  });

  return router;
}
