import { createRoute, z } from "@hono/zod-openapi";
import { getImage } from "../db/queries/images.ts";
import { failures } from "./http/errors.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { imageBytes, imageSource } from "../storage/named-objects.ts";
import { imageParams, projectOf, scopeOf } from "./http/scope.ts";
import { sendPicture } from "./http/send-picture.ts";

const thumbnailRoute = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/images/{image_id}/thumbnail",
  tags: ["images"],
  summary: "Get an image as WebP at screen size, regardless of the format it was uploaded in",
  request: {
    params: imageParams,
    query: z.object({
      side: z.coerce
        .number()
        .int()
        .min(16)
        .max(8192)
        .default(320)
        .openapi({ description: "Maximum length of the longer side, in pixels." }),
    }),
  },
  responses: {
    200: {
      description: "The picture.",
      content: { "image/webp": { schema: { type: "string", format: "binary" } } },
    },
    304: { description: "Not modified." },
    ...failures("invalid_request", "image_not_found", "image_unreadable", "image_damaged"),
  },
});

const embeddingRoute = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/images/{image_id}/embedding",
  tags: ["images"],
  summary: "Get an image's embedding, for decoders that run elsewhere",
  description:
    "float32, little endian, [1, 256, 64, 64]: `image_embeddings` of Meta's ONNX decoder, as `export?format=onnx` gives one. " +
    "Of a SAM 2, one after the other `image_embed` [1, 256, 64, 64], `high_res_feats_0` [1, 32, 256, 256] and `high_res_feats_1` [1, 64, 128, 128] of samexporter's decoder. " +
    "The encoder runs if the image has no embedding yet.",
  request: { params: imageParams },
  responses: {
    200: {
      description: "4 MiB of numbers, 16 MiB of a SAM 2.",
      content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } },
    },
    304: { description: "Not modified." },
    ...failures("image_not_found", "project_not_found", "image_damaged"),
  },
});

export function imageContentRoutes({ db, store, inference }: RouteContext) {
  const router = createRouter();

  router.openapi(embeddingRoute, async (c) => {
    const params = c.req.valid("param");
    const scope = scopeOf(c, params);
    const { baseModel } = projectOf(c, scope);
    const image = await getImage(db, scope, params.image_id);
    const tag = `"${image.sha256}-${baseModel}"`;
    c.header("ETag", tag);
    c.header("Cache-Control", "private, no-cache");
    if (c.req.header("if-none-match") === tag) return c.body(null, 304);
    const options = { workspaceId: scope.workspaceId, baseModel, signal: c.req.raw.signal };
    const { embedding } = await inference.embed(imageSource(store, image), options);
    c.header("Content-Type", "application/octet-stream");
    c.header("X-Content-Type-Options", "nosniff");
    return c.body(await inference.channelsFirst(embedding), 200);
  });

  router.openapi(thumbnailRoute, async (c) => {
    const params = c.req.valid("param");
    const { side } = c.req.valid("query");
    const image = await getImage(db, scopeOf(c, params), params.image_id);
    return sendPicture(c, `"${image.sha256}-${side}"`, async () =>
      inference.thumbnail(await imageBytes(store, image), side),
    );
  });

  return router;
}
