import { createRoute, z } from "@hono/zod-openapi";
import { measureUsage } from "../actions/measure-usage.ts";
import { lastingBytes } from "../db/queries/usage.ts";
import { failures } from "./http/errors.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { iso, json, timeText } from "./http/scope.ts";

const counted = (used: z.ZodType<number>, description: string) =>
  z
    .object({ used, limit: z.int().nullable().openapi({ description: "null: unlimited." }) })
    .openapi({ description });

const usageSchema = z
  .object({
    object: z.literal("usage"),
    workspace_id: z.string(),
    period: z.object({ start: timeText, end: timeText }).openapi({
      description: "The calendar month (UTC) for which training_minutes and predictions are counted.",
    }),
    images: counted(z.int(), "Held now, in all projects."),
    bytes: counted(
      z.int(),
      "The sum of `stored`. Excludes what fine-tunes produce (trained weights, resume states and pictures), which training_minutes limits.",
    ),
    stored: z
      .object({
        images: z.int().openapi({ description: "As uploaded." }),
        imported_versions: z.int().openapi({ description: "Their weights, as stored." }),
        waiting_imports: z.int().openapi({ description: "Archives of imports that have not ended." }),
        uploads: z.int().openapi({ description: "Announced uploads, until they are completed or expire." }),
        embeddings: z
          .int()
          .openapi({ description: "Cached to answer faster; the oldest make room for everything else." }),
      })
      .openapi({ description: "Bytes by kind." }),
    training_minutes: counted(z.number(), "That fine-tunes and previews have run in this period."),
    predictions: counted(
      z.int(),
      "Requests to predict and segment-everything that were answered in this period, whatever is still in the log. Counted within a second of the answer; there is no quota.",
    ),
  })
  .openapi("Usage");

const get = createRoute({
  method: "get",
  path: "/v1/usage",
  tags: ["keys"],
  summary: "Get what the workspace stores and has used, with its quotas",
  responses: { 200: json(usageSchema, "Current usage."), ...failures() },
});

export function usageRoutes(services: RouteContext) {
  const router = createRouter();

  router.openapi(get, async (c) => {
    const { workspaceId } = c.get("caller");
    return c.json(toUsage(workspaceId, await measureUsage(services, workspaceId)), 200);
  });

  return router;
}

function toUsage(
  workspaceId: string,
  { quotas, held, trainingSeconds, predictions, period }: Awaited<ReturnType<typeof measureUsage>>,
): z.output<typeof usageSchema> {
  return {
    object: "usage",
    workspace_id: workspaceId,
    period: { start: iso(period.start), end: iso(period.end) },
    images: { used: held.images, limit: quotas.images },
    bytes: { used: lastingBytes(held) + held.embeddingBytes, limit: quotas.bytes },
    stored: {
      images: held.imageBytes,
      imported_versions: held.versionBytes,
      waiting_imports: held.importBytes,
      uploads: held.uploadBytes,
      embeddings: held.embeddingBytes,
    },
    training_minutes: { used: Math.round((trainingSeconds / 60) * 100) / 100, limit: quotas.trainingMinutes },
    predictions: { used: predictions, limit: null },
  };
}
