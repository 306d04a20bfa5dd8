import { createRoute, z } from "@hono/zod-openapi";
import { getPrediction, listPredictions, type Prediction } from "../db/queries/predictions.ts";
import { failures } from "./http/errors.ts";
import { loggedPromptSchema, toLoggedPrompt, toVersionName, versionOrBase } from "./wire/lineage.ts";
import { maskFormat } from "./wire/mask.ts";
import { pageBody, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { iso, json, predictionParams, projectOf, projectParams, scopeOf, timeText } from "./http/scope.ts";

const entrySchema = z
  .object({
    id: z.string(),
    object: z.literal("prediction.log"),
    image: z.object({ sha256: z.string(), width: z.int().nullable(), height: z.int().nullable() }),
    versions: z.array(versionOrBase),
    prompts: z
      .array(loggedPromptSchema)
      .optional()
      .openapi({ description: "Only when a single prediction is requested." }),
    prompt_count: z.int(),
    mask_count: z.int().nullable(),
    multimask: z.union([z.boolean(), z.literal("best")]).nullable(),
    format: maskFormat.nullable(),
    request_bytes: z.int().nullable(),
    answer_bytes: z.int().nullable(),
    embedding_from: z.enum(["memory", "store", "encoder"]).nullable(),
    timing_ms: z.record(z.string(), z.number()).openapi({
      description:
        "Like mask_count, answer_bytes and embedding_from, written within a second of the answer; missing if the server was killed in between.",
    }),
    actor: z.string().nullable().openapi({ description: "The key that made the request." }),
    created_at: timeText,
  })
  .openapi("PredictionLogEntry");

type Entry = z.output<typeof entrySchema>;

const toEntry = (row: Prediction): Entry => ({
  id: row.id,
  object: "prediction.log",
  image: { sha256: row.imageSha256, width: row.width, height: row.height },
  versions: row.versions.map(toVersionName),
  prompt_count: row.prompts,
  mask_count: row.masks,
  multimask: row.request.multimask ?? null,
  format: (row.request.format as Entry["format"]) ?? null,
  request_bytes: row.requestBytes,
  answer_bytes: row.answerBytes,
  embedding_from: row.embeddingFrom as Entry["embedding_from"],
  timing_ms: row.timingMs,
  actor: row.actor,
  created_at: iso(row.createdAt),
});

const tags = ["predict"];

const list = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/predictions",
  tags,
  summary: "List logged predictions, newest first",
  description:
    "Kept for the project's `prediction_retention_days`. Neither images nor answered masks are logged.",
  request: { params: projectParams, query: pageQuery },
  responses: {
    200: json(pageOf(entrySchema), "One page."),
    ...failures("invalid_request", "project_not_found"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/predictions/{prediction_id}",
  tags,
  summary: "Get a logged prediction with its prompts",
  request: { params: predictionParams },
  responses: { 200: json(entrySchema, "The prediction's log entry."), ...failures("prediction_not_found") },
});

export function predictionRoutes({ db, predictionLog }: RouteContext) {
  const router = createRouter();

  router.openapi(list, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    projectOf(c, scope);
    await predictionLog.flush();
    const page = await listPredictions(db, scope, pageRequest(c.req.valid("query")));
    return c.json(pageBody(page, toEntry), 200);
  });

  router.openapi(get, async (c) => {
    const params = c.req.valid("param");
    // So that what this process has answered is complete.
    await predictionLog.flush();
    const row = await getPrediction(db, scopeOf(c, params), params.prediction_id);
    return c.json({ ...toEntry(row), prompts: (row.request.prompts ?? []).map(toLoggedPrompt) }, 200);
  });

  return router;
}
