import { setTimeout as pause } from "node:timers/promises";
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Database } from "../db/client.ts";
import {
  cancelPreview,
  getPreview,
  hasEnded,
  insertPreview,
  listPreviews,
  type Preview,
} from "../db/queries/previews.ts";
import { getProject, holdProject } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { newId } from "../lib/ids.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { pageBody, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import { previewSchema, toPreview } from "./http/preview-wire.ts";
import { createRouter, type Env, type RouteContext } from "./http/router.ts";
import { idText, json, jsonBody, projectParams, scopeOf } from "./http/scope.ts";
import { limitBody } from "./http/upload.ts";

const tags = ["fine-tunes"];
const small = limitBody(64 * 1024);
/** Seconds that an answer may be waited for. */
const longestWait = 60;
const lookEveryMs = 250;

const previewParams = projectParams.extend({
  preview_id: idText().openapi({ param: { name: "preview_id", in: "path" }, example: "fpv_06b3f0cd7k…" }),
});

const create = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/fine-tunes:preview",
  tags,
  summary: "Look at the data before a fine-tune: faults, time, and what more images would bring",
  description:
    "Checks the annotations, trains short runs on parts of the images (about a minute on two cores) and draws a learning " +
    "curve. With `Prefer: wait=n` the answer waits up to n seconds (60 at most) for the end; poll `fine-tune-previews/{id}` else.",
  middleware: [small] as const,
  request: {
    params: projectParams,
    headers: idempotencyHeader.extend({
      prefer: z.string().optional().openapi({ description: "`wait=n`", example: "wait=60" }),
    }),
    body: jsonBody(z.strictObject({ seed: z.int().min(0).max(2_147_483_647).default(0) })),
  },
  responses: {
    202: json(previewSchema, "The preview: queued, or further where it was waited for."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "project_not_found",
      "body_too_large",
      ...idempotencyErrors,
    ),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/fine-tune-previews",
  tags,
  summary: "List previews, newest first",
  request: { params: projectParams, query: pageQuery },
  responses: {
    200: json(pageOf(previewSchema), "One page."),
    ...failures("invalid_request", "project_not_found"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/fine-tune-previews/{preview_id}",
  tags,
  summary: "Get a preview with its result",
  request: { params: previewParams },
  responses: { 200: json(previewSchema, "The preview."), ...failures("preview_not_found") },
});

const cancel = createRoute({
  method: "post",
  path: "/v1/projects/{project_id}/fine-tune-previews/{preview_id}/cancel",
  tags,
  summary: "Cancel a preview; again is no error",
  request: { params: previewParams },
  responses: {
    200: json(previewSchema, "The preview, cancelled."),
    ...failures("preview_not_found", "preview_finished"),
  },
});

export function previewRoutes({ db }: RouteContext) {
  const router = createRouter();

  router.openapi(create, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const { seed } = c.req.valid("json");
    await getProject(db, scope);
    const answer = await idempotent(c, db, { seed }, async () => {
      const row = await db.transaction(async (tx) => {
        await holdProject(tx, scope);
        return insertPreview(tx, { ...scope, id: newId("fpv"), seed });
      });
      return { status: 202 as const, body: toPreview(row) };
    });
    const seconds = waitOf(c);
    if (seconds === null) return c.json(answer.body, answer.status);
    c.header("Preference-Applied", `wait=${seconds}`);
    return c.json(toPreview(await waitForEnd(db, scope, answer.body.id, { seconds, c })), answer.status);
  });

  router.openapi(list, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    await getProject(db, scope);
    return c.json(pageBody(await listPreviews(db, scope, pageRequest(c.req.valid("query"))), toPreview), 200);
  });

  router.openapi(get, async (c) => {
    const params = c.req.valid("param");
    return c.json(toPreview(await getPreview(db, scopeOf(c, params), params.preview_id)), 200);
  });

  router.openapi(cancel, async (c) => {
    const params = c.req.valid("param");
    return c.json(toPreview(await cancelPreview(db, scopeOf(c, params), params.preview_id)), 200);
  });

  return router;
}

/** Seconds that the caller is ready to wait (RFC 7240); null without such a wish. */
function waitOf(c: Context<Env>): number | null {
  const found = /(?:^|[\s,;])wait=(\d{1,6})(?=$|[\s,;])/i.exec(c.req.header("prefer") ?? "");
  return found ? Math.min(longestWait, Number(found[1])) : null;
}

/** The preview when it has ended, the time is over, or the caller has gone. */
async function waitForEnd(
  db: Database,
  scope: ProjectScope,
  id: string,
  { seconds, c }: { seconds: number; c: Context<Env> },
): Promise<Preview> {
  const until = performance.now() + seconds * 1000;
  for (;;) {
    const row = await getPreview(db, scope, id);
    const left = until - performance.now();
    if (hasEnded(row) || left <= 0 || c.req.raw.signal.aborted) return row;
    await pause(Math.min(lookEveryMs, left));
  }
}
