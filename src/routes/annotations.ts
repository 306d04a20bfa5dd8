import { createRoute, z } from "@hono/zod-openapi";
import {
  addAnnotation,
  type Annotation,
  deleteAnnotation,
  getAnnotation,
  maxPageBytes,
  planPage,
  readPage,
} from "../db/queries/annotations.ts";
import { getImage, holdImage, setSplitGroup } from "../db/queries/images.ts";
import { checkBox } from "../imaging/geometry.ts";
import type { Box } from "../imaging/types.ts";
import { AppError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { knownAs } from "../actions/known.ts";
import { loggedPromptSchema, toLoggedPrompt, toVersionName, versionOrBase } from "./wire/lineage.ts";
import { annotationMask, box, maskErrors, wireMask } from "./wire/mask.ts";
import { copiesOfText, pageBody, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import {
  annotationParams,
  deleted,
  idText,
  iso,
  json,
  jsonBody,
  projectParams,
  scopeOf,
  text,
  timeText,
  projectOf,
} from "./http/scope.ts";
import { LateValues, maskWriter, sendLate, textWriter } from "./http/stream-json.ts";
import { limitBody, maxMaskBody } from "./http/upload.ts";

const bodySchema = z.strictObject({
  image_id: idText(),
  mask: annotationMask,
  box: box.optional().openapi({ description: "Left out, the mask's own tight box." }),
  label: text(200).optional(),
  group: text(200).optional().openapi({ description: "Sets the image's split group." }),
});

const annotationSchema = z
  .object({
    id: z.string(),
    object: z.literal("annotation"),
    image_id: z.string(),
    mask: wireMask,
    box,
    area: z.int().openapi({ description: "Foreground pixels." }),
    label: z.string().nullable(),
    source: z.enum(["api", "import", "feedback"]),
    lineage: z
      .object({
        action: z.enum(["accept", "correct"]),
        prediction_id: z.string(),
        version: versionOrBase,
        prompt: loggedPromptSchema,
      })
      .nullable()
      .openapi({ description: "Of feedback: which version had seen which prompt, in which prediction." }),
    created_at: timeText,
  })
  .openapi("Annotation");

const toAnnotation = (
  row: Annotation,
  written = (counts: string): string => counts,
): z.output<typeof annotationSchema> => ({
  id: row.id,
  object: "annotation",
  image_id: row.imageId,
  mask: { format: "rle", size: [row.height, row.width], counts: written(row.counts) },
  box: row.box,
  area: row.area,
  label: row.label,
  source: row.source,
  lineage: row.lineage && {
    action: row.lineage.action,
    prediction_id: row.lineage.predictionId,
    version: toVersionName(row.lineage.version),
    prompt: toLoggedPrompt(row.lineage.prompt),
  },
  created_at: iso(row.createdAt),
});

const tags = ["annotations"];

const createWith = (limit: number) =>
  createRoute({
    method: "post",
    path: "/v1/projects/{project_id}/annotations",
    tags,
    summary: "Add the true mask of one object",
    middleware: [limitBody(limit)] as const,
    request: { params: projectParams, headers: idempotencyHeader, body: jsonBody(bodySchema) },
    responses: {
      201: json(annotationSchema, "The new annotation."),
      ...failures(
        "invalid_json",
        "invalid_request",
        "body_too_large",
        "unsupported_media_type",
        "project_not_found",
        "image_not_found",
        ...maskErrors,
        "box_outside_image",
        "box_zero_area",
        "box_misses_mask",
        ...idempotencyErrors,
      ),
    },
  });

const list = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/annotations",
  tags,
  summary: "List annotations, newest first",
  description: `A page ends before its \`limit\` where its masks reach ${maxPageBytes} bytes; \`has_more\` tells whether more follow.`,
  request: { params: projectParams, query: pageQuery.extend({ image_id: idText().optional() }) },
  responses: {
    200: json(pageOf(annotationSchema), "One page."),
    ...failures("invalid_request", "project_not_found", "memory_exceeded"),
  },
});

const get = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/annotations/{annotation_id}",
  tags,
  summary: "Get an annotation",
  request: { params: annotationParams },
  responses: { 200: json(annotationSchema, "The annotation."), ...failures("annotation_not_found") },
});

const remove = createRoute({
  method: "delete",
  path: "/v1/projects/{project_id}/annotations/{annotation_id}",
  tags,
  summary: "Delete an annotation",
  request: { params: annotationParams },
  responses: { 200: json(deleted("annotation"), "It is gone."), ...failures("annotation_not_found") },
});

export function annotationRoutes({ db, config, known, masks, memory }: RouteContext) {
  const router = createRouter();

  router.openapi(createWith(Math.min(config.MAX_BODY_BYTES, maxMaskBody)), async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const body = c.req.valid("json");
    projectOf(c, scope);
    const answer = await idempotent(c, db, body, async () => {
      const name = knownAs(scope, body.image_id);
      const image = known.images.get(name) ?? (await getImage(db, scope, body.image_id));
      known.images.set(name, image);
      const { width, height } = image;
      const given = body.box;
      if (given) checkBox(given, [height, width]);
      const mask = { wire: body.mask, size: [height, width], box: given } as const;
      const { box: tight, inBox, ...kept } = await masks.keep(mask, scope.workspaceId);
      if (given && !inBox) throw boxMisses(given);
      const row = {
        ...scope,
        ...kept,
        id: newId("ann"),
        imageId: body.image_id,
        box: [...(given ?? tight)] as [number, number, number, number],
        label: body.label ?? null,
      };
      const { group } = body;
      const inserted = await (group === undefined
        ? addAnnotation(db, row)
        : db.transaction(async (tx) => {
            await holdImage(tx, scope, body.image_id);
            await setSplitGroup(tx, scope, body.image_id, group);
            return addAnnotation(tx, row);
          }));
      return { status: 201, body: toAnnotation({ ...inserted, width, height }) };
    });
    const late = new LateValues();
    const { mask } = answer.body;
    const written = maskWriter([mask], late)(mask);
    return sendLate(c, { ...answer.body, mask: written }, answer.status, late);
  });

  router.openapi(list, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const query = c.req.valid("query");
    projectOf(c, scope);
    const page = await planPage(db, scope, { ...pageRequest(query), imageId: query.image_id });
    const ask = { by: scope.workspaceId, what: "This page", hint: "Get fewer at a time." };
    const held = await memory.reserve(copiesOfText * page.bytes, ask);
    const late = new LateValues();
    try {
      const read = await readPage(db, scope, page);
      const written = textWriter(
        read.rows.map(({ counts }) => counts),
        late,
      );
      const body = pageBody(read, (row) => toAnnotation(row, written));
      return await sendLate(c, body, 200, late, held);
    } finally {
      if (!late.streams) held.release();
    }
  });

  router.openapi(get, async (c) => {
    const params = c.req.valid("param");
    const row = await getAnnotation(db, scopeOf(c, params), params.annotation_id);
    const late = new LateValues();
    return sendLate(c, toAnnotation(row, textWriter([row.counts], late)), 200, late);
  });

  router.openapi(remove, async (c) => {
    const params = c.req.valid("param");
    await deleteAnnotation(db, scopeOf(c, params), params.annotation_id);
    return c.json({ id: params.annotation_id, object: "annotation" as const, deleted: true as const }, 200);
  });

  return router;
}

const boxMisses = (given: Box): AppError =>
  new AppError("box_misses_mask", `box [${given.join(", ")}] holds no pixel of the mask`, { param: "box" });
