import { createRoute } from "@hono/zod-openapi";
import { getVersion, listVersions, type Version } from "../db/queries/versions.ts";
import { failures } from "./http/errors.ts";
import { decodeCursor, pageBodyBy, pageOf, pageQuery } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { json, projectOf, projectParams, scopeOf, versionInPath, versionNumber } from "./http/scope.ts";
import { toVersion, versionSchema } from "./wire/version.ts";

const params = projectParams.extend({
  number: versionInPath().openapi({ param: { name: "number", in: "path" }, example: 1 }),
});
const tags = ["versions"];

const list = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/versions",
  tags,
  summary: "List versions, highest number first",
  request: { params: projectParams, query: pageQuery },
  responses: {
    200: json(pageOf(versionSchema), "One page."),
    ...failures("invalid_request", "project_not_found"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/versions/{number}",
  tags,
  summary: "Get a version with its metrics and those of the base",
  request: { params },
  responses: {
    200: json(versionSchema, "The version."),
    ...failures("invalid_request", "project_not_found", "version_not_found"),
  },
});

export function versionRoutes({ db }: RouteContext) {
  const router = createRouter();

  router.openapi(list, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const { limit, cursor } = c.req.valid("query");
    const { activeVersion } = projectOf(c, scope);
    const below = cursor === undefined ? undefined : decodeCursor(versionNumber(), cursor);
    const page = await listVersions(db, scope, { limit, below });
    const toBrief = (row: Version) => toVersion(row, activeVersion, "brief");
    return c.json(
      pageBodyBy(page, toBrief, (last) => last.number),
      200,
    );
  });

  router.openapi(get, async (c) => {
    const { number, ...rest } = c.req.valid("param");
    const scope = scopeOf(c, rest);
    const { activeVersion } = projectOf(c, scope);
    return c.json(toVersion(await getVersion(db, scope, number), activeVersion, "full"), 200);
  });

  return router;
}
