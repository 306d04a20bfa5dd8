import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Ask } from "../../actions/context.ts";
import { type Project, projectNotFound } from "../../db/queries/projects.ts";
import type { ProjectScope } from "../../db/queries/scope.ts";
import { isStorable } from "../../lib/text.ts";
import type { Env } from "./env.ts";

/** Text from a caller: trimmed, 1 to `max` characters. */
export const text = (max: number) =>
  z.string().trim().min(1).max(max).refine(isStorable, "a NUL or half a surrogate pair can't be kept");

/** An id from a caller; whether there is such a thing is found out later. */
export const idText = () => z.string().max(100).refine(isStorable, "no id");

/** The number of a version: an int4 in the database. */
export const versionNumber = () => z.int().min(1).max(2_147_483_647);
export const versionInPath = () => z.coerce.number().pipe(versionNumber());

const id = (name: string, example: string) =>
  idText().openapi({ param: { name, in: "path" }, example: `${example}_06b3f0cd7k…` });

export const keyParams = z.object({ key_id: id("key_id", "key") });
export const projectParams = z.object({ project_id: id("project_id", "prj") });
export const imageParams = projectParams.extend({ image_id: id("image_id", "img") });
export const predictionParams = projectParams.extend({ prediction_id: id("prediction_id", "pred") });
export const webhookParams = z.object({ webhook_id: id("webhook_id", "wh") });
export const deliveryParams = webhookParams.extend({ delivery_id: id("delivery_id", "msg") });
export const annotationParams = projectParams.extend({ annotation_id: id("annotation_id", "ann") });
export const importParams = projectParams.extend({ import_id: id("import_id", "imp") });
export const uploadParams = projectParams.extend({ upload_id: id("upload_id", "upl") });
export const autoLabelParams = projectParams.extend({ auto_label_id: id("auto_label_id", "al") });
export const proposalParams = projectParams.extend({ proposal_id: id("proposal_id", "prp") });
export const fineTuneParams = projectParams.extend({ fine_tune_id: id("fine_tune_id", "ft") });

/** The caller's workspace and the project of the path: what every query is scoped by. */
export function scopeOf(c: Context<Env>, params: { project_id: string }): ProjectScope {
  return { workspaceId: c.get("caller").workspaceId, projectId: params.project_id };
}

const anId = idText();

/** The id in a path of `/v1/projects/{project_id}` or of another tool's protocol, which is read together with the caller's key. */
export function projectIdOf(path: string): string | null {
  const segment = /^\/(?:v1\/projects|label-studio|cvat)\/([^/]{1,300})/.exec(path)?.[1];
  if (segment === undefined) return null;
  try {
    return anId.safeParse(decodeURIComponent(segment)).data ?? null;
  } catch {
    return null;
  }
}

/**
 * The project of the path as it was when the key was looked up.
 * Throws AppError project_not_found, also when it is another workspace's.
 */
export function projectOf(c: Context<Env>, { workspaceId, projectId }: ProjectScope): Project {
  const project = c.get("project");
  if (project?.id !== projectId || project.workspaceId !== workspaceId) throw projectNotFound(projectId);
  return project;
}

/** Who asks, of the project of the path. Throws AppError project_not_found. */
export function askOf(c: Context<Env>, params: { project_id: string }): Ask {
  const scope = scopeOf(c, params);
  return { scope, project: projectOf(c, scope), actor: c.get("caller").keyId, signal: c.req.raw.signal };
}

/** Bytes of the body, where the request tells them. */
export const contentLength = (c: Context<Env>): number | null =>
  Number(c.req.header("content-length") ?? 0) || null;

export const iso = (date: Date): string => date.toISOString();
export const isoOrNull = (date: Date | null): string | null => date?.toISOString() ?? null;

export const timeText = z.iso.datetime().openapi({ example: "2026-01-31T12:00:00.000Z" });

/** What DELETE answers. */
export const deleted = <Name extends string>(name: Name) =>
  z.object({ id: z.string(), object: z.literal(name), deleted: z.literal(true) });

/** One JSON body or answer, for `createRoute`. */
export const json = <Schema extends z.ZodType>(schema: Schema, description: string) => ({
  description,
  content: { "application/json": { schema } },
});

export const jsonBody = <Schema extends z.ZodType>(schema: Schema) => ({
  required: true as const,
  content: { "application/json": { schema } },
});
