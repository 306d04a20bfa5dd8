import { createRoute, z } from "@hono/zod-openapi";
import { promoteVersion, rollBackVersion } from "../actions/promote.ts";
import { listPromotions, type Promotion } from "../db/queries/promotions.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { decodeCursor, pageBodyBy, pageOf, pageQuery } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { iso, json, projectOf, projectParams, scopeOf, text, timeText, versionInPath } from "./http/scope.ts";
import { limitBody } from "./http/upload.ts";

const promotionSchema = z
  .object({
    id: z.string(),
    object: z.literal("promotion"),
    kind: z.enum(["promote", "rollback", "auto"]),
    from_version: z.int().nullable().openapi({ description: "Null means the base." }),
    to_version: z.int().nullable(),
    actor: z.string().openapi({ description: "The id of the key, or of the fine-tune for auto." }),
    reason: z.string(),
    created_at: timeText,
  })
  .openapi("Promotion");

const toPromotion = (row: Promotion): z.output<typeof promotionSchema> => ({
  id: String(row.id),
  object: "promotion",
  kind: row.kind,
  from_version: row.fromVersion,
  to_version: row.toVersion,
  actor: row.actor,
  reason: row.reason,
  created_at: iso(row.createdAt),
});

const bodySchema = z.strictObject({
  reason: text(1000)
    .or(z.literal(""))
    .optional()
    .openapi({ description: "The reason; kept in the audit trail." }),
});
/** A body is optional here: the click without words. */
const body = { required: false, content: { "application/json": { schema: bodySchema } } };

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
