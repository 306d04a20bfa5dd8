import { createRoute, z } from "@hono/zod-openapi";
import { mostPrewarmed, prewarm } from "../actions/prewarm.ts";
import { versionNames } from "./wire/version-name.ts";
import { failures } from "./http/errors.ts";
import { imageBody, imageSourceErrors } from "./wire/image.ts";
import { drawnErrors } from "./wire/mask.ts";
import { toVersionName, versionOrBase } from "./wire/lineage.ts";
import { promptGeometry } from "./wire/predict.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { askOf, json, jsonBody, projectParams } from "./http/scope.ts";
import { limitBody, maxNamingBody } from "./http/upload.ts";

const bodySchema = z.strictObject({
  image: imageBody,
  version: versionNames,
  prompts: z
    .array(promptGeometry)
    .min(1)
    .max(mostPrewarmed)
    .optional()
    .openapi({
      description:
        "Boxes or points that are likely to be requested: versions that use windows encode them now. " +
        "Defaults to a click in the middle.",
    }),
});

const prewarmSchema = z
  .object({
    object: z.literal("prewarm"),
    image: z.object({ id: z.string().nullable(), width: z.int(), height: z.int(), sha256: z.string() }),
    versions: z.array(versionOrBase),
    embedding_from: z
      .enum(["memory", "store", "encoder"])
      .openapi({ description: "encoder: it was computed just now; memory: nothing had to be done." }),
    timing_ms: z.object({
      queue: z.number(),
      embed: z.number(),
      decode: z.number(),
      encode: z.number(),
      total: z.number(),
    }),
  })
  .openapi("Prewarm");

const prewarmWith = (limit: number) =>
  createRoute({
    method: "post",
    path: "/v1/projects/{project_id}/prewarm",
    tags: ["predict"],
    summary: "Prepare an image and versions, so that the first click is as fast as the next",
    description:
      "Embeds the image, loads the versions' weights and starts the decoder. The answer's `image.sha256` is the image's handle for `predict`.",
    middleware: [limitBody(limit, maxNamingBody)] as const,
    request: { params: projectParams, body: jsonBody(bodySchema) },
    responses: {
      200: json(prewarmSchema, "Ready."),
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
        "point_label_unknown",
      ),
    },
  });

export function prewarmRoutes(services: RouteContext) {
  const router = createRouter();

  router.openapi(prewarmWith(services.config.MAX_BODY_BYTES), async (c) => {
    const warmed = await prewarm(services, askOf(c, c.req.valid("param")), c.req.valid("json"));
    const { image, versions, result } = warmed;
    const [height, width] = image.size;
    return c.json(
      {
        object: "prewarm" as const,
        image: { id: image.id, width, height, sha256: image.source.sha256 },
        versions: versions.map(toVersionName),
        embedding_from: result.embeddingFrom,
        timing_ms: { ...result.timingMs },
      },
      200,
    );
  });

  return router;
}
