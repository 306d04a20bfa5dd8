import { createRoute, z } from "@hono/zod-openapi";
import { promoteVersion, rollBackVersion } from "../actions/promote.ts";
import { listPromotions } from "../db/queries/promotions.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { decodeCursor, pageBodyBy, pageOf, pageQuery } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { json, projectOf, projectParams, scopeOf, versionInPath } from "./http/scope.ts";
import { limitBody } from "./http/upload.ts";
import { promotionReason, promotionSchema, toPromotion } from "./wire/promotion.ts";

/** A body is optional here: the click without words. */
const body = { required: false, content: { "application/json": { schema: promotionReason } } };

const tags = ["versions"];
const small = limitBody(64 * 1024);

const promote = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/versions/{number}/promote",
  tags,
  summary: "Make a version active; `base` instead of a number is the untuned model",
  middleware: [small] as const,
  request: {
    params: projectParams.extend({
      number: z
        .union([z.literal("base"), versionInPath()])
        .openapi({ param: { name: "number", in: "path" }, example: 1 }),
    }),
    headers: idempotencyHeader,
    body,
  },
  responses: {
    200: json(promotionSchema, "The entry in the audit trail."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "project_not_found",
      "version_not_found",
      "version_already_active",
      "version_not_usable",
      ...idempotencyErrors,
    ),
  },
});

const rollback = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/rollback",
  tags,
  summary: "Roll back to the version that was live before",
  description:
    "Follows the audit trail: each rollback removes the live version from the history, so repeated rollbacks go further back, down to the base, and never toggle between two versions.",
  middleware: [small] as const,
  request: { params: projectParams, headers: idempotencyHeader, body },
  responses: {
    200: json(promotionSchema, "The entry in the audit trail."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "project_not_found",
      "nothing_to_roll_back",
      "version_not_usable",
      ...idempotencyErrors,
    ),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/promotions",
  tags,
  summary: "List which version was live when, newest change first",
  request: { params: projectParams, query: pageQuery },
  responses: {
    200: json(pageOf(promotionSchema), "One page."),
    ...failures("invalid_request", "project_not_found"),
  },
});

export function promotionRoutes(context: RouteContext) {
  const { db } = context;
  const router = createRouter();

  router.openapi(promote, async (c) => {
    const { number, ...rest } = c.req.valid("param");
    const scope = scopeOf(c, rest);
    const reason = c.req.valid("json").reason ?? "";
    const change = {
      kind: "promote" as const,
      toVersion: number === "base" ? null : number,
      actor: c.get("caller").keyId,
      reason,
    };
    projectOf(c, scope);
    const answer = await idempotent(c, db, { reason }, async () => {
      const row = await promoteVersion(context, scope, change);
      return { status: 200, body: toPromotion(row) };
    });
    return c.json(answer.body, answer.status);
  });

  router.openapi(rollback, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const reason = c.req.valid("json").reason ?? "";
    projectOf(c, scope);
    const answer = await idempotent(c, db, { reason }, async () => {
      const row = await rollBackVersion(context, scope, { actor: c.get("caller").keyId, reason });
      return { status: 200, body: toPromotion(row) };
    });
    return c.json(answer.body, answer.status);
  });

  router.openapi(list, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const { limit, cursor } = c.req.valid("query");
    projectOf(c, scope);
    const below = cursor === undefined ? undefined : decodeCursor(z.int().min(1), cursor);
    const page = await listPromotions(db, scope, { limit, below });
    return c.json(
      pageBodyBy(page, toPromotion, (last) => last.id),
      200,
    );
  });

  return router;
}
