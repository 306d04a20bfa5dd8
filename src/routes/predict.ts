import { createRoute, z } from "@hono/zod-openapi";
import { getImage } from "../db/queries/images.ts";
import { insertPrediction } from "../db/queries/predictions.ts";
import { getProject, type Project, type ProjectScope } from "../db/queries/projects.ts";
import { selectWeights, versionNotFound } from "../db/queries/versions.ts";
import { checkBox, checkPoint } from "../imaging/geometry.ts";
import type { Size } from "../imaging/types.ts";
import type { ImageSource, PredictResult, VersionRef } from "../inference/types.ts";
import { AppError } from "../lib/errors.ts";
import { sha256 } from "../lib/hash.ts";
import { newId } from "../lib/ids.ts";
import { failures } from "./http/errors.ts";
import { box, maskFormat, point, wireMask } from "./http/masks.ts";
import { createRouter, type RouteContext } from "./http/router.ts";
import { json, jsonBody, projectParams, scopeOf } from "./http/scope.ts";
import { limitBody } from "./http/upload.ts";

/** The largest decoder graph takes 64 tokens, of which a box needs two. */
const maxPoints = 62;
const maxVersions = 16;

const versionName = z.union([z.literal("active"), z.literal("base"), z.int().min(1)]);

const bodySchema = z.strictObject({
  image: z.union([
    z.strictObject({ id: z.string() }),
    z.strictObject({ base64: z.string().openapi({ description: "The image file; a data URL is fine." }) }),
  ]),
  prompts: z
    .array(
      z.strictObject({ box: box.optional(), points: z.array(point).optional(), mask: wireMask.optional() }),
    )
    .openapi({ description: "One object each, by at least one of box, points and mask." }),
  version: z
    .union([versionName, z.array(versionName).min(1).max(maxVersions)])
    .default("active")
    .openapi({ description: "active, base, a number, or a list of them." }),
  multimask: z
    .boolean()
    .default(false)
    .openapi({ description: "Three masks for an ambiguous prompt, best first, instead of one." }),
  format: maskFormat.default("rle"),
});

type Body = z.output<typeof bodySchema>;

const predictedMask = z.object({
  score: z.number().openapi({ description: "The decoder's own IoU prediction." }),
  bbox: box,
  area: z.int(),
});

const predictionSchema = z
  .object({
    id: z.string(),
    object: z.literal("prediction"),
    image: z.object({ id: z.string().nullable(), width: z.int(), height: z.int(), sha256: z.string() }),
    results: z.array(
      z.object({
        version: z.union([z.literal("base"), z.int()]),
        predictions: z.array(z.object({ masks: z.array(z.intersection(predictedMask, wireMask)) })),
      }),
    ),
    timing_ms: z.object({
      queue: z.number(),
      embed: z.number(),
      decode: z.number(),
      encode: z.number(),
      total: z.number(),
    }),
  })
  .openapi("Prediction");

const predictWith = (limit: number) =>
  createRoute({
    method: "post",
    path: "/v1/projects/{project_id}/predict",
    tags: ["predict"],
    summary: "Segment the prompted objects of an image, with one or several versions",
    middleware: [limitBody(limit)] as const,
    request: { params: projectParams, body: jsonBody(bodySchema) },
    responses: {
      200: {
        ...json(
          predictionSchema,
          "Results in the order of the versions, predictions in that of the prompts.",
        ),
        headers: z.object({
          "x-model-version": z.string().openapi({ description: "The versions that answered: `base,2`." }),
        }),
      },
      ...failures(
        "invalid_json",
        "invalid_request",
        "body_too_large",
        "unsupported_media_type",
        "project_not_found",
        "image_not_found",
        "version_not_found",
        "image_empty",
        "image_unreadable",
        "image_truncated",
        "image_format_unsupported",
        "image_too_many_pixels",
        "image_too_small",
        "prompt_empty",
        "too_many_prompts",
        "too_many_points",
        "box_outside_image",
        "box_zero_area",
        "point_outside_image",
        "point_label_unknown",
        "mask_prompt_invalid",
        "mask_size_mismatch",
        "mask_empty",
        "mask_not_binary",
        "mask_rle_invalid",
        "mask_polygon_invalid",
        "mask_png_invalid",
        "mask_logits_invalid",
      ),
    },
  });

export function predictRoutes(services: RouteContext) {
  const { db, inference, config, metrics } = services;
  const router = createRouter();

  router.openapi(predictWith(config.MAX_BODY_BYTES), async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const body = c.req.valid("json");
    const project = await getProject(db, scope);
    checkAmounts(body.prompts, config.MAX_PROMPTS);
    const versions = await resolveVersions(services, scope, project, body.version);
    const image = await findImage(services, scope, body.image);
    checkGeometry(body.prompts, image.size);
    const result = await inference.predict({
      workspaceId: scope.workspaceId,
      baseModel: project.baseModel,
      image: image.source,
      versions,
      prompts: body.prompts,
      multimask: body.multimask,
      format: body.format,
      signal: c.req.raw.signal,
    });
    const answer = toPrediction(newId("pred"), image, result);
    metrics.embeddings.inc({ from: result.embeddingFrom });
    const masks = answer.results.flatMap((one) => one.predictions.flatMap((each) => each.masks));
    metrics.predictedMasks.inc(masks.length);
    await insertPrediction(db, {
      ...scope,
      id: answer.id,
      imageSha256: image.source.sha256,
      versions: versions.map(({ number }) => number),
      prompts: body.prompts.length,
      timingMs: answer.timing_ms,
    });
    c.header("x-model-version", answer.results.map(({ version }) => version).join(","));
    return c.json(answer, 200);
  });

  return router;
}

/** Throws AppError prompt_empty, too_many_prompts, too_many_points: before anything is looked up or computed. */
function checkAmounts(prompts: Body["prompts"], limit: number): void {
  if (prompts.length === 0) {
    throw new AppError("prompt_empty", "prompts: give at least one.", { param: "prompts" });
  }
  if (prompts.length > limit) {
    throw new AppError("too_many_prompts", `prompts: ${prompts.length}; at most ${limit} are allowed.`, {
      param: "prompts",
    });
  }
  for (const [i, { box: given, points, mask }] of prompts.entries()) {
    const param = `prompts[${i}]`;
    if (!given && !mask && (points ?? []).length === 0) {
      throw new AppError("prompt_empty", `${param}: give a box, points or a mask.`, { param });
    }
    if (points && points.length > maxPoints) {
      throw new AppError(
        "too_many_points",
        `${param}.points: ${points.length}; at most ${maxPoints} are allowed.`,
        {
          param: `${param}.points`,
        },
      );
    }
  }
}

/** Throws AppError box_outside_image, box_zero_area, point_outside_image, point_label_unknown: before the encoder runs. */
function checkGeometry(prompts: Body["prompts"], size: Size): void {
  for (const [i, prompt] of prompts.entries()) {
    try {
      if (prompt.box) checkBox(prompt.box, size);
      for (const [k, at] of (prompt.points ?? []).entries()) checkPoint(at, size, `points[${k}]`);
    } catch (error) {
      throw error instanceof AppError ? error.within(`prompts[${i}]`) : error;
    }
  }
}

/** Names to weights, each version once, in the order asked. Throws AppError version_not_found. */
async function resolveVersions(
  { db }: RouteContext,
  scope: ProjectScope,
  project: Project,
  asked: Body["version"],
): Promise<VersionRef[]> {
  const names = Array.isArray(asked) ? asked : [asked];
  const numberOf = (name: (typeof names)[number]): number => {
    if (name === "active") return project.activeVersion ?? 0;
    return name === "base" ? 0 : name;
  };
  const numbers = [...new Set(names.map(numberOf))];
  const tuned = numbers.filter((number) => number > 0);
  const weights = new Map((await selectWeights(db, scope, tuned)).map((row) => [row.number, row]));
  return numbers.map((number) => {
    if (number === 0) return { number };
    const found = weights.get(number);
    if (!found) throw versionNotFound(number);
    return found;
  });
}

interface FoundImage {
  readonly id: string | null;
  readonly size: Size;
  readonly source: ImageSource;
}

/** A stored image of this project, or one that came with the request, which is decoded here to know its size. */
async function findImage(
  { db, store, inference }: RouteContext,
  scope: ProjectScope,
  asked: Body["image"],
): Promise<FoundImage> {
  if ("id" in asked) {
    const image = await getImage(db, scope, asked.id).catch((error: unknown) => {
      throw error instanceof AppError
        ? new AppError(error.code, error.message, { param: "image.id" })
        : error;
    });
    const bytes = (): Promise<Uint8Array> => store.get(image.objectKey);
    return { id: image.id, size: [image.height, image.width], source: { sha256: image.sha256, bytes } };
  }
  const bytes = decodeBase64(asked.base64);
  try {
    const { width, height } = await inference.inspect(bytes);
    const source = { sha256: sha256(bytes), bytes: () => Promise.resolve(bytes) };
    return { id: null, size: [height, width], source };
  } catch (error) {
    throw error instanceof AppError
      ? new AppError(error.code, error.message, { param: "image.base64" })
      : error;
  }
}

/** Throws AppError invalid_request; Node's own decoder skips what is no base64, which would hide a mistake. */
function decodeBase64(text: string): Uint8Array {
  const data = text.replace(/^data:[\w/+.-]+;base64,/, "");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(data)) {
    throw new AppError("invalid_request", "image.base64: not base64.", { param: "image.base64" });
  }
  return Buffer.from(data, "base64");
}

function toPrediction(
  id: string,
  image: FoundImage,
  result: PredictResult,
): z.output<typeof predictionSchema> {
  return {
    id,
    object: "prediction",
    image: { id: image.id, width: result.width, height: result.height, sha256: image.source.sha256 },
    results: result.results.map(({ version, predictions }) => ({
      version: version === 0 ? "base" : version,
      predictions: predictions.map(({ masks }) => ({
        masks: masks.map(({ score, bbox, area, mask }) => ({
          score,
          bbox: [...bbox] as [number, number, number, number],
          area,
          ...mask,
        })),
      })),
    })),
    timing_ms: { ...result.timingMs },
  };
}
