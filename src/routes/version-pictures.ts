import { createRoute, z } from "@hono/zod-openapi";
import { getVersion } from "../db/queries/versions.ts";
import { AppError } from "../lib/errors.ts";
import { failures } from "./http/errors.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { projectOf, projectParams, scopeOf, versionInPath } from "./http/scope.ts";
import { sendPicture } from "./http/send-picture.ts";
import { pictureKinds } from "./wire/version.ts";

const picture = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/versions/{number}/pictures/{kind}",
  tags: ["versions"],
  summary: "Get a picture of a held-out annotation: before, after and ground truth side by side",
  description: "WebP, 1170 pixels wide. It never changes, so it may be kept; If-None-Match is honoured.",
  request: {
    params: projectParams.extend({
      number: versionInPath().openapi({ param: { name: "number", in: "path" }, example: 1 }),
      kind: z.enum(pictureKinds).openapi({ param: { name: "kind", in: "path" } }),
    }),
  },
  responses: {
    200: {
      description: "The picture.",
      content: { "image/webp": { schema: { type: "string", format: "binary" } } },
    },
    304: { description: "Not modified." },
    ...failures(
      "invalid_request",
      "project_not_found",
      "version_not_found",
      "picture_not_found",
      "object_corrupted",
    ),
  },
});

export function versionPictureRoutes({ db, store }: RouteContext) {
  const router = createRouter();

  router.openapi(picture, async (c) => {
    const { number, kind, ...rest } = c.req.valid("param");
    const scope = scopeOf(c, rest);
    projectOf(c, scope);
    const { metrics } = await getVersion(db, scope, number);
    const found = metrics?.pictures?.find((one) => one.kind === kind);
    if (!found) {
      throw new AppError("picture_not_found", `Version ${number} has no picture of its ${kind} example.`, {
        param: "kind",
      });
    }
    return sendPicture(c, `"${found.sha256}"`, () => store.get(found.key));
  });

  return router;
}
