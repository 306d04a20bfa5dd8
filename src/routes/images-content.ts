import { createRoute, z } from "@hono/zod-openapi";
import { getImage } from "../db/queries/images.ts";
import { thumbnail } from "../imaging/thumbnail.ts";
import { failures } from "./http/errors.ts";
import { createRouter, type RouteContext } from "./http/router.ts";
import { imageParams, scopeOf } from "./http/scope.ts";

const thumbnailRoute = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/images/{image_id}/thumbnail",
  tags: ["images"],
  summary: "Get an image as WebP at screen size, whatever format it was uploaded in",
  request: {
    params: imageParams,
    query: z.object({
      side: z.coerce
        .number()
        .int()
        .min(16)
        .max(8192)
        .default(320)
        .openapi({ description: "The longer side is at most so many pixels." }),
    }),
  },
  responses: {
    200: {
      description: "The picture.",
      content: { "image/webp": { schema: { type: "string", format: "binary" } } },
    },
    304: { description: "The one that the caller has." },
    ...failures("invalid_request", "image_not_found", "image_unreadable", "object_corrupted"),
  },
});

export function imageContentRoutes({ db, store, config }: RouteContext) {
  const router = createRouter();

  router.openapi(thumbnailRoute, async (c) => {
    const params = c.req.valid("param");
    const { side } = c.req.valid("query");
    const image = await getImage(db, scopeOf(c, params), params.image_id);
    const tag = `"${image.sha256}-${side}"`;
    c.header("ETag", tag);
    c.header("Cache-Control", "private, max-age=31536000, immutable");
    if (c.req.header("if-none-match") === tag) return c.body(null, 304);
    const bytes = await thumbnail(await store.get(image.objectKey), {
      side,
      maxPixels: config.MAX_IMAGE_PIXELS,
    });
    c.header("Content-Type", "image/webp");
    c.header("X-Content-Type-Options", "nosniff");
    return c.body(Uint8Array.from(bytes), 200);
  });

  return router;
}
