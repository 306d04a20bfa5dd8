import { createRoute, z } from "@hono/zod-openapi";
import { getImage } from "../db/queries/images.ts";
import { insertPrediction } from "../db/queries/predictions.ts";
import { getProject, type Project } from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { selectWeights, versionNotFound } from "../db/queries/versions.ts";
import type { Size } from "../imaging/types.ts";
import type { ImageSource, VersionRef } from "../inference/types.ts";
import { AppError } from "../lib/errors.ts";
import { sha256 } from "../lib/hash.ts";
import { newId } from "../lib/ids.ts";
import { failures } from "./http/errors.ts";
import { maskErrors } from "./http/masks.ts";
import {
  checkAmounts,
  checkAnswer,
  checkGeometry,
  type PredictBody,
  predictBody,
  predictionSchema,
  toPrediction,
} from "./http/predict-wire.ts";
import { createRouter, type RouteContext } from "./http/router.ts";
import { json, jsonBody, projectParams, scopeOf } from "./http/scope.ts";
import { imageErrors } from "./http/stored-images.ts";
import { limitBody } from "./http/upload.ts";

const predictWith = (limit: number) =>
  createRoute({
    method: "post",
    path: "/v1/projects/{project_id}/predict",
    tags: ["predict"],
    summary: "Segment the prompted objects of an image, with one or several versions",
    middleware: [limitBody(limit)] as const,
    request: { params: projectParams, body: jsonBody(predictBody) },
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
        ...imageErrors,
        "prompt_empty",
        "too_many_prompts",
        "too_many_points",
        "answer_too_large",
        "box_outside_image",
        "box_zero_area",
        "point_outside_image",
        "point_label_unknown",
        ...maskErrors,
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
    checkAnswer(body, { versions: versions.length, size: image.size, limit: config.MAX_ANSWER_BYTES });
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
    const answer = toPrediction(newId("pred"), { id: image.id, sha256: image.source.sha256 }, result);
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

/** Names to weights, each version once, in the order asked. Throws AppError version_not_found. */
async function resolveVersions(
  { db }: RouteContext,
  scope: ProjectScope,
  project: Project,
  asked: PredictBody["version"],
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
  asked: PredictBody["image"],
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
