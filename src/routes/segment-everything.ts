import { createRoute, z } from "@hono/zod-openapi";
import { segmentEverything } from "../actions/segment-everything.ts";
import { mostCloser, mostWindows } from "../domain/everything.ts";
import type { RouteContext } from "./http/env.ts";
import { failures } from "./http/errors.ts";
import { createRouter } from "./http/router.ts";
import { askOf, contentLength, json, jsonBody, projectParams } from "./http/scope.ts";
import { answerLate } from "./http/stream-json.ts";
import { limitBody, maxNamingBody } from "./http/upload.ts";
import { everythingBody, everythingSchema, toSegmentation, toSettings } from "./wire/everything.ts";
import { imageSourceErrors } from "./wire/image.ts";

const segmentEverythingWith = (limit: number) =>
  createRoute({
    method: "post",
    path: "/v1/projects/{project_id}/segment-everything",
    tags: ["predict"],
    summary: "Segment every object of an image, without prompts",
    description:
      "Meta's automatic mask generator: a grid of points over the image, and over crops of it, asked for three masks " +
      "each; masks that are unsure, unstable or found twice are dropped. Names, meanings and defaults of the settings " +
      "are those of SamAutomaticMaskGenerator. It takes as long as that many predictions; if the client disconnects, the " +
      "work stops. A version that uses windows or refines is prompted again for each mask it found, with the mask's " +
      `own box and point: ${mostCloser} masks and ${mostWindows} windows at most; the rest stay as they were found. ` +
      "Its masks accept feedback like those of predict: `prompt` is then the mask's index in the answer.",
    middleware: [limitBody(limit, maxNamingBody)] as const,
    request: { params: projectParams, body: jsonBody(everythingBody) },
    responses: {
      200: {
        ...json(
          everythingSchema,
          "Results in the order of the versions; masks of smaller crops first, and the best first among those.",
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
  const router = createRouter();

  router.openapi(segmentEverythingWith(services.config.MAX_BODY_BYTES), async (c) => {
    const ask = askOf(c, c.req.valid("param"));
    const body = c.req.valid("json");
    const { image, version, format } = body;
    const asked = { image, version, format, settings: toSettings(body), requestBytes: contentLength(c) };
    const segmented = await segmentEverything(services, ask, asked);
    return answerLate(c, 200, segmented.held, {
      write: (late) => {
        const answer = toSegmentation(segmented, late);
        c.header("x-model-version", answer.results.map(({ version: name }) => name).join(","));
        return answer;
      },
    });
  });

  return router;
}
