import { createRoute, z } from "@hono/zod-openapi";
import { selectImageHashes } from "../db/queries/images.ts";
import {
  changeProject,
  deleteProject,
  insertProject,
  listProjects,
  lockProject,
  type ProjectChange,
} from "../db/queries/projects.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { autoBase, openChoice } from "../domain/base-choice.ts";
import { AppError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import type { Log } from "../lib/log.ts";
import { deleteBelow } from "../storage/delete-below.ts";
import { keys } from "../storage/keys.ts";
import { failures } from "./http/errors.ts";
import { idempotencyErrors, idempotencyHeader, idempotent } from "./http/idempotency.ts";
import { pageBody, pageOf, pageQuery, pageRequest } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { forgetImages } from "../actions/store-image.ts";
import { deleted, json, jsonBody, projectOf, projectParams, scopeOf, text } from "./http/scope.ts";
import { limitBody } from "./http/upload.ts";
import {
  afterCorrections,
  projectSchema,
  promotionPolicy,
  retentionDays,
  toProject,
} from "./wire/project.ts";

const name = text(200);

/** Nothing to change is a mistake: of them all, the name is asked for. */
const changeSchema = z
  .strictObject({
    name: name.optional(),
    promotion_policy: promotionPolicy.optional(),
    fine_tune_after_corrections: afterCorrections.optional(),
    prediction_retention_days: retentionDays.optional(),
  })
  .refine((body) => Object.values(body).some((value) => value !== undefined), {
    path: ["name"],
    message: "a name or another setting is needed",
  });

/** What a project answers by until its base model is chosen. */
const builtIn = "mobile_sam";

const tags = ["projects"];
const small = limitBody(64 * 1024);

const create = createRoute({
  method: "post",
  path: "/v1/projects",
  tags,
  summary: "Create a project",
  middleware: [small] as const,
  request: {
    headers: idempotencyHeader,
    body: jsonBody(
      z.strictObject({
        name,
        base_model: z
          .string()
          .max(200)
          .default(builtIn)
          .openapi({
            description: `A base model of this installation, or ${autoBase}: the first fine-tune tries those that there are, as they are and in short trainings, and the project keeps the one that its annotations want (see base_choice).`,
          }),
        promotion_policy: promotionPolicy.default("auto"),
        fine_tune_after_corrections: afterCorrections.default(null),
        prediction_retention_days: retentionDays.default(90),
      }),
    ),
  },
  responses: {
    201: json(projectSchema, "The new project."),
    ...failures(
      "invalid_json",
      "invalid_request",
      "base_model_unknown",
      "body_too_large",
      ...idempotencyErrors,
    ),
  },
});

const list = createRoute({
  method: "get",
  path: "/v1/projects",
  tags,
  summary: "List projects, newest first",
  request: { query: pageQuery },
  responses: { 200: json(pageOf(projectSchema), "One page."), ...failures("invalid_request") },
});

const get = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}",
  tags,
  summary: "Get a project",
  request: { params: projectParams },
  responses: { 200: json(projectSchema, "The project."), ...failures("project_not_found") },
});

const patch = createRoute({
  method: "patch",
  path: "/v1/projects/{project_id}",
  tags,
  summary: "Change a project's name or settings",
  middleware: [small] as const,
  request: { params: projectParams, body: jsonBody(changeSchema) },
  responses: {
    200: json(projectSchema, "The updated project."),
    ...failures("invalid_json", "invalid_request", "project_not_found", "body_too_large"),
  },
});

const remove = createRoute({
  method: "delete",
  path: "/v1/projects/{project_id}",
  tags,
  summary: "Delete a project with its images, annotations, fine-tunes and versions",
  request: { params: projectParams },
  responses: { 200: json(deleted("project"), "Deleted."), ...failures("project_not_found") },
});

/** The same error, where a base model is unknown with the choice that is none of the models. */
function namingAuto(error: unknown): unknown {
  if (!(error instanceof AppError) || error.code !== "base_model_unknown") return error;
  const told = `${error.message}; or ${autoBase}, which leaves the choice to the first fine-tune`;
  return new AppError(error.code, told, { param: "base_model", cause: error });
}

export function projectRoutes(services: RouteContext) {
  const { db, inference } = services;
  const router = createRouter();

  router.openapi(create, async (c) => {
    const body = c.req.valid("json");
    const isOpen = body.base_model === autoBase;
    const { name: baseModel } = await inference
      .baseModel(isOpen ? builtIn : body.base_model)
      .catch((error: unknown) => {
        throw namingAuto(error);
      });
    const { workspaceId } = c.get("caller");
    const answer = await idempotent(c, db, body, async () => {
      const row = {
        id: newId("prj"),
        workspaceId,
        name: body.name,
        baseModel,
        baseChoice: isOpen ? openChoice : null,
        promotionPolicy: body.promotion_policy,
        fineTuneAfterCorrections: body.fine_tune_after_corrections,
        predictionRetentionDays: body.prediction_retention_days,
      };
      return { status: 201, body: toProject(await insertProject(db, row)) };
    });
    return c.json(answer.body, answer.status);
  });

  router.openapi(list, async (c) => {
    const page = await listProjects(db, c.get("caller").workspaceId, pageRequest(c.req.valid("query")));
    return c.json(pageBody(page, toProject), 200);
  });

  router.openapi(get, async (c) => {
    return c.json(toProject(projectOf(c, scopeOf(c, c.req.valid("param")))), 200);
  });

  router.openapi(patch, async (c) => {
    const row = await changeProject(db, scopeOf(c, c.req.valid("param")), toChange(c.req.valid("json")));
    return c.json(toProject(row), 200);
  });

  router.openapi(remove, async (c) => {
    const scope = scopeOf(c, c.req.valid("param"));
    const hashes = await db.transaction(async (tx) => {
      await lockProject(tx, scope);
      const found = await selectImageHashes(tx, scope);
      await deleteProject(tx, scope);
      return found;
    });
    await removeObjects(services, scope, hashes, c.get("log"));
    return c.json({ id: scope.projectId, object: "project" as const, deleted: true as const }, 200);
  });

  return router;
}

/** The database leaves alone what is undefined. */
const toChange = (body: z.output<typeof changeSchema>): ProjectChange => ({
  name: body.name,
  promotionPolicy: body.promotion_policy,
  fineTuneAfterCorrections: body.fine_tune_after_corrections,
  predictionRetentionDays: body.prediction_retention_days,
});

/** The project is gone by now, so an object that can't be removed is the log's business, not the caller's. */
async function removeObjects(
  services: RouteContext,
  { workspaceId, projectId }: ProjectScope,
  hashes: readonly string[],
  log: Log,
): Promise<void> {
  try {
    await deleteBelow(services.store, keys.projectPrefix(projectId));
    await forgetImages(services, workspaceId, hashes);
  } catch (error) {
    log.error({ project: projectId, error }, "objects of a deleted project are left");
  }
}
