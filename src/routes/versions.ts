import { createRoute, z } from "@hono/zod-openapi";
import { getProject } from "../db/queries/projects.ts";
import { getVersion, listVersions, type Version } from "../db/queries/versions.ts";
import { AppError } from "../lib/errors.ts";
import { failures } from "./http/errors.ts";
import { decodeCursor, encodeCursor, pageOf, pageQuery } from "./http/pages.ts";
import { createRouter, type RouteContext } from "./http/router.ts";
import { iso, json, projectParams, scopeOf, timeText, versionInPath, versionNumber } from "./http/scope.ts";

const scores = z.object({ mean_iou: z.number(), mean_dice: z.number() });

const versionSchema = z
  .object({
    id: z.string(),
    object: z.literal("version"),
    number: z.int(),
    status: z.enum(["active", "inactive"]).openapi({ description: "Active: what predict uses by default." }),
    fine_tune_id: z.string(),
    base_model: z.string(),
    parent_version: z
      .int()
      .nullable()
      .openapi({ description: "Training started from it; null is the base." }),
    metrics: z.object({
      held_out: z
        .object({ images: z.int(), annotations: z.int(), base: scores, tuned: scores })
        .openapi({ description: "Base and tuned on the same images, which no training step has seen." }),
      split: z.object({ train: z.int(), selection: z.int(), held_out: z.int() }),
      best_epoch: z.int(),
      curve: z.array(
        z.object({ epoch: z.int(), train_loss: z.number().nullable(), selection_iou: z.number() }),
      ),
      per_annotation: z
        .array(
          z.object({
            image_id: z.string(),
            annotation_id: z.string(),
            base_iou: z.number(),
            tuned_iou: z.number(),
          }),
        )
        .optional()
        .openapi({ description: "Only where one version is asked for." }),
    }),
    snapshot_hash: z.string().openapi({ description: "Of the data that it was trained and measured on." }),
    hyperparameters: z.record(z.string(), z.unknown()).openapi({ description: "As used: no auto is left." }),
    seed: z.int(),
    engine: z.string(),
    weights: z.object({ sha256: z.string(), bytes: z.int() }),
    created_at: timeText,
  })
  .openapi("Version");

function toVersion(
  row: Version,
  active: number | null,
  detail: "brief" | "full",
): z.output<typeof versionSchema> {
  const { heldOut, split, curve, perAnnotation, bestEpoch } = row.metrics;
  const toScores = (of: typeof heldOut.base) => ({ mean_iou: of.meanIou, mean_dice: of.meanDice });
  const rows = perAnnotation.map((one) => ({
    image_id: one.imageId,
    annotation_id: one.annotationId,
    base_iou: one.baseIou,
    tuned_iou: one.tunedIou,
  }));
  return {
    id: row.id,
    object: "version",
    number: row.number,
    status: row.number === active ? "active" : "inactive",
    fine_tune_id: row.fineTuneId,
    base_model: row.baseModel,
    parent_version: row.parentVersion,
    metrics: {
      held_out: { ...heldOut, base: toScores(heldOut.base), tuned: toScores(heldOut.tuned) },
      split: { train: split.train, selection: split.selection, held_out: split.heldOut },
      best_epoch: bestEpoch,
      curve: curve.map((at) => ({
        epoch: at.epoch,
        train_loss: at.trainLoss,
        selection_iou: at.selectionIou,
      })),
      ...(detail === "full" && { per_annotation: rows }),
    },
    snapshot_hash: row.snapshotHash,
    hyperparameters: row.hyperparameters,
    seed: row.seed,
    engine: row.engine,
    weights: { sha256: row.weightsSha256, bytes: row.weightsBytes },
    created_at: iso(row.createdAt),
  };
}

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
    const last = page.rows.at(-1);
    const body = {
      object: "list" as const,
      data: page.rows.map((row) => toVersion(row, activeVersion, "brief")),
      has_more: page.hasMore,
      next_cursor: page.hasMore && last ? encodeCursor(last.number) : null,
    };
    return c.json(body, 200);
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
