import { createRoute, z } from "@hono/zod-openapi";
import { getProject } from "../db/queries/projects.ts";
import { getVersion, listVersions, type Version } from "../db/queries/versions.ts";
import { AppError } from "../lib/errors.ts";
import { failures } from "./http/errors.ts";
import { decodeCursor, pageBodyBy, pageOf, pageQuery } from "./http/pages.ts";
import { createRouter, type RouteContext } from "./http/router.ts";
import { json, projectParams, scopeOf, versionInPath, versionNumber } from "./http/scope.ts";
import { toVersion, versionSchema } from "./http/version-wire.ts";

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
  summary: "Get a version with its metrics beside the base's",
  request: { params },
  responses: {
    200: json(versionSchema, "The version."),
    ...failures("invalid_request", "project_not_found", "version_not_found"),
  },
});

const exportRoute = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/versions/{number}/export",
  tags,
  summary: "Get a version's weights as a file",
  request: {
    params,
    query: z.object({
      format: z.string().default("safetensors").openapi({ description: "safetensors; others come later." }),
    }),
  },
  responses: {
    200: {
      description: "The weights of prompt encoder and mask decoder, by Meta's names.",
      content: { "application/octet-stream": { schema: { type: "string", format: "binary" } } },
    },
    ...failures("project_not_found", "version_not_found", "export_format_unsupported", "object_corrupted"),
  },
});

export function versionRoutes({ db, store }: RouteContext) {
  const router = createRouter();

  router.openapi(list, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const { limit, cursor } = c.req.valid("query");
    const { activeVersion } = await getProject(db, scope);
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
    const { activeVersion } = await getProject(db, scope);
    return c.json(toVersion(await getVersion(db, scope, number), activeVersion, "full"), 200);
  });

  router.openapi(exportRoute, async (c) => {
    const { number, ...rest } = c.req.valid("param");
    const { format } = c.req.valid("query");
    const scope = scopeOf(c, rest);
    const project = await getProject(db, scope);
    const version = await getVersion(db, scope, number);
    if (format !== "safetensors") {
      throw new AppError("export_format_unsupported", `format: ${format} is not offered; safetensors is.`, {
        param: "format",
      });
    }
    const bytes = await store.get(version.weightsKey);
    c.header("Content-Type", "application/octet-stream");
    c.header("Content-Disposition", `attachment; filename="${project.id}-v${number}.safetensors"`);
    c.header("ETag", `"${version.weightsSha256}"`);
    return c.body(Uint8Array.from(bytes));
  });

  return router;
}
