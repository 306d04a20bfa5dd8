import { createRoute, z } from "@hono/zod-openapi";
import { insertAnnotation } from "../db/queries/annotations.ts";
import { type Feedback, insertFeedback, listFeedback, withdrawFeedback } from "../db/queries/feedback.ts";
import { findImageByHash, holdImage, type Image, setSplitGroup } from "../db/queries/images.ts";
import { getPrediction, type Prediction } from "../db/queries/predictions.ts";
import { holdProject, type Project } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { feedbackActions } from "../domain/feedback.ts";
import type { LoggedPrompt } from "../domain/prompts.ts";
import type { KeptMask } from "../imaging/kept-mask.ts";
import type { RleMask } from "../imaging/types.ts";
import { AppError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import { type MaskPlace, predictAgain, requirePlace } from "../actions/earlier-masks.ts";
import { failures } from "./http/errors.ts";
import { isEverything, promptOf, requireFound, segmentAgain } from "../actions/found-masks.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { loggedPromptSchema, toLoggedPrompt, toVersionName, versionOrBase } from "./wire/lineage.ts";
import { annotationMask, maskErrors } from "./wire/mask.ts";
import { pageBody, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import {
  idText,
  iso,
  json,
  jsonBody,
  predictionParams,
  projectOf,
  projectParams,
  scopeOf,
  text,
  timeText,
  versionNumber,
} from "./http/scope.ts";
import { limitBody, maxMaskBody } from "./http/upload.ts";

const bodySchema = z.strictObject({
  action: z.enum(feedbackActions).openapi({
    description: "accept: the mask is right; reject: it is not; correct: `mask` is what it should have been.",
  }),
  prompt: z.int().min(0).default(0).openapi({
    description:
      "Place of the prompt in the request; of segment-everything, place of the mask in the answer, counted on from one version's masks to the next's.",
  }),
  version: z
    .union([z.literal("base"), versionNumber()])
    .optional()
    .openapi({
      description:
        "Whose mask; left out, that of the first version which answered, and of segment-everything the mask's own.",
    }),
  mask_index: z.int().min(0).default(0).openapi({ description: "Place among that prompt's masks." }),
  mask: annotationMask.optional(),
  label: text(200).optional(),
  group: text(200).optional().openapi({ description: "Sets the image's split group." }),
});
type Body = z.output<typeof bodySchema>;

const feedbackSchema = z
  .object({
    id: z.string(),
    object: z.literal("feedback"),
    prediction_id: z.string(),
    action: z.enum(feedbackActions),
    prompt_index: z.int(),
    mask_index: z.int(),
    version: versionOrBase,
    prompt: loggedPromptSchema,
    iou: z
      .number()
      .nullable()
      .openapi({ description: "Of the predicted mask with the correction: how wrong the version was." }),
    annotation_id: z.string().nullable().openapi({ description: "What it became; null for a rejection." }),
    actor: z.string().nullable(),
    created_at: timeText,
  })
  .openapi("Feedback");

const toFeedback = (row: Feedback): z.output<typeof feedbackSchema> => ({
  id: row.id,
  object: "feedback",
  prediction_id: row.predictionId,
  action: row.action,
  prompt_index: row.promptIndex,
  mask_index: row.maskIndex,
  version: toVersionName(row.version),
  prompt: toLoggedPrompt(row.prompt),
  iou: row.iou,
  annotation_id: row.annotationId,
  actor: row.actor,
  created_at: iso(row.createdAt),
});

const tags = ["feedback"];

const createWith = (limit: number) =>
  createRoute({
    method: "post",
    path: "/v1/projects/{project_id}/predictions/{prediction_id}/feedback",
    tags,
    summary: "Accept, reject or correct a predicted mask",
    description:
      "An accepted or corrected mask becomes an annotation of the stored image, with its lineage: which version had seen which prompt. Said again of the same prompt, the last word counts. After as many new corrections as the project's `fine_tune_after_corrections`, a fine-tune starts by itself.",
    middleware: [limitBody(limit)] as const,
    request: { params: predictionParams, headers: idempotencyHeader, body: jsonBody(bodySchema) },
    responses: {
      201: json(feedbackSchema, "What was said, and the annotation that it became."),
      ...failures(
        "invalid_json",
        "invalid_request",
        "body_too_large",
        "unsupported_media_type",
        "project_not_found",
        "prediction_not_found",
        "prediction_mask_unknown",
        "prediction_not_repeatable",
        "image_handle_unknown",
        "image_not_found",
        "version_not_found",
        "feedback_mask_missing",
        "feedback_image_not_stored",
        ...maskErrors,
        ...idempotencyErrors,
      ),
    },
  });

const list = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/feedback",
  tags,
  summary: "List feedback, newest first",
  request: { params: projectParams, query: pageQuery.extend({ prediction_id: idText().optional() }) },
  responses: {
    200: json(pageOf(feedbackSchema), "One page."),
    ...failures("invalid_request", "project_not_found"),
  },
});

export function feedbackRoutes(services: RouteContext) {
  const { db, config } = services;
  const router = createRouter();

  router.openapi(createWith(Math.min(config.MAX_BODY_BYTES, maxMaskBody)), async (c) => {
    const params = c.req.valid("param");
    const scope = scopeOf(c, params);
    const body = c.req.valid("json");
    const project = projectOf(c, scope);
    const answer = await idempotent(c, db, body, async () => {
      const row = await getPrediction(db, scope, params.prediction_id);
      const saved = await giveFeedback(services, { scope, project, row, body, actor: c.get("caller").keyId });
      return { status: 201, body: toFeedback(saved) };
    });
    return c.json(answer.body, answer.status);
  });

  router.openapi(list, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const query = c.req.valid("query");
    projectOf(c, scope);
    const page = await listFeedback(db, scope, {
      ...pageRequest(query),
      predictionId: query.prediction_id,
    });
    return c.json(pageBody(page, toFeedback), 200);
  });

  return router;
}

interface Given {
  readonly scope: ProjectScope;
  readonly project: Project;
  readonly row: Prediction;
  readonly body: Body;
  readonly actor: string;
}

async function giveFeedback(services: RouteContext, given: Given): Promise<Feedback> {
  const { scope, row, body, actor } = given;
  const { place, prompt, again } = saidOf(services, given);
  const truth = await truthOf(services, given, again);
  return services.db.transaction(async (tx) => {
    await holdProject(tx, scope);
    const said = { predictionId: row.id, promptIndex: place.prompt };
    await withdrawFeedback(tx, scope, said);
    let annotationId: string | null = null;
    if (truth) {
      const { image, kept } = truth;
      await holdImage(tx, scope, image.id);
      if (body.group !== undefined) await setSplitGroup(tx, scope, image.id, body.group);
      annotationId = newId("ann");
      await insertAnnotation(tx, {
        ...scope,
        id: annotationId,
        imageId: image.id,
        counts: kept.counts,
        area: kept.area,
        box: [...kept.box] as [number, number, number, number],
        label: body.label ?? null,
        source: "feedback",
        lineage: { action: truth.action, predictionId: row.id, version: place.version, prompt },
      });
    }
    return insertFeedback(tx, {
      ...scope,
      ...said,
      id: newId("fb"),
      maskIndex: place.mask,
      version: place.version,
      action: body.action,
      prompt,
      iou: truth?.iou ?? null,
      annotationId,
      actor,
    });
  });
}

interface Truth {
  readonly action: "accept" | "correct";
  readonly image: Image;
  readonly kept: KeptMask;
  readonly iou: number | null;
}

/** The mask that becomes an annotation; null for a rejection. */
async function truthOf(services: RouteContext, given: Given, again: Said["again"]): Promise<Truth | null> {
  const { scope, row, body } = given;
  const { action } = body;
  if (body.mask && action !== "correct") {
    throw new AppError("invalid_request", "mask: only with the action correct.", { param: "mask" });
  }
  if (action === "reject") return null;
  const image = await findImageByHash(services.db, scope, row.imageSha256);
  if (!image) {
    throw new AppError(
      "feedback_image_not_stored",
      "The prediction's image is not stored in this project; upload it, then give the feedback again.",
    );
  }
  if (action === "accept") {
    const predicted = await again();
    try {
      const kept = await services.masks.keep({ wire: predicted, size: predicted.size }, scope.workspaceId);
      return { action, image, kept, iou: 1 };
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "mask_empty") throw error;
      throw new AppError("mask_empty", "The predicted mask is empty; reject it, or correct it.");
    }
  }
  if (!body.mask) {
    throw new AppError("feedback_mask_missing", "mask: a correction needs the mask as it should be.", {
      param: "mask",
    });
  }
  const size: [number, number] = [image.height, image.width];
  const kept = await services.masks.keep({ wire: body.mask, size }, scope.workspaceId);
  const before = await again().catch((error: unknown) => {
    // The correction is worth as much without knowing how wrong the prediction was.
    if (error instanceof AppError && error.status < 500) return null;
    throw error;
  });
  const own: RleMask = { format: "rle", size, counts: kept.counts };
  return { action, image, kept, iou: before && (await services.masks.iou(before, own)) };
}

/** Which mask is spoken of, what had asked for it, and how to have it once more. */
interface Said {
  readonly place: MaskPlace;
  readonly prompt: LoggedPrompt;
  readonly again: () => Promise<RleMask>;
}

/** Throws AppError prediction_mask_unknown. */
function saidOf(services: RouteContext, { project, row, body }: Given): Said {
  const { version: name, prompt: at, mask_index: mask } = body;
  const version = name === "base" ? 0 : name;
  if (isEverything(row)) {
    const found = requireFound(row, { place: at, mask, version });
    const again = () => segmentAgain(services, project, row, found);
    return { place: found.place, prompt: promptOf(found), again };
  }
  const place = { version: version ?? row.versions[0] ?? 0, prompt: at, mask };
  const again = async () => (await predictAgain(services, project, row, place)).mask as RleMask;
  return { place, prompt: requirePlace(row, place), again };
}
