import type { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Ask } from "../../actions/context.ts";
import { getProject, type Project } from "../../db/queries/projects.ts";
import type { ProjectScope } from "../../db/queries/scope.ts";
import type { AppError } from "../../lib/errors.ts";
import { shapeOf } from "../../lib/json-shape.ts";
import { routeAccess } from "../http/access.ts";
import type { Env, RouteContext } from "../http/env.ts";
import { invalidRequest } from "../http/errors.ts";
import { scopeOf } from "../http/scope.ts";

/** The request that a tool is called in. */
export interface Asked {
  readonly c: Context<Env>;
  readonly services: RouteContext;
}

/** What a tool does to what is there, for programs that ask a person first. */
export interface Effect {
  readonly readOnlyHint: boolean;
  /** Whether it undoes or replaces something, which adding does not. */
  readonly destructiveHint: boolean;
  /** Whether the same call again changes nothing more. */
  readonly idempotentHint: boolean;
  /** Whether it reaches beyond this server. */
  readonly openWorldHint: false;
}

export const reads: Effect = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
};

export interface Answered<Answer> {
  readonly answer: Answer;
  /** A JPEG to look at. */
  readonly picture?: Uint8Array;
}

interface About<Input extends z.ZodObject, Output extends z.ZodObject> {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** The route of the API that does the same, as it stands in `routeAccess`: whoever may call it may call the tool. */
  readonly route: string;
  readonly effect: Effect;
  readonly input: Input;
  readonly output: Output;
}

export interface Tool extends About<z.ZodObject, z.ZodObject> {
  /** Throws AppError, invalid_request for arguments that the schema does not take. */
  call(asked: Asked, given: unknown): Promise<Answered<Record<string, unknown>>>;
}

/**
 * A tool, its arguments held to its schema as a route's body is: none is dropped without a word. `fault` makes an error of
 * what is wrong with them. Throws an Error where the route is not known, or a text or list of the schema has no bound.
 */
export function toolOf<Input extends z.ZodObject, Output extends z.ZodObject>({
  work,
  fault = invalidRequest,
  ...about
}: About<Input, Output> & {
  work: (asked: Asked, input: z.output<Input>) => Promise<Answered<z.output<Output>>>;
  fault?: (error: z.ZodError, target: string) => AppError;
}): Tool {
  if (!(about.route in routeAccess)) throw new Error(`${about.name}: there is no route ${about.route}`);
  const shape = shapeOf(about.input, about.name);
  return {
    ...about,
    call: async (asked, given = {}) => {
      // Megabytes of an image are looked through in a thread of the reader's, as those of a route's body are.
      const { json } = asked.c.get("reading");
      const read = about.input.safeParse(await json.read(Buffer.from(JSON.stringify(given)), shape));
      if (!read.success) throw fault(read.error, "list of arguments");
      return work(asked, read.data);
    },
  };
}

/** The caller's workspace and the project that the arguments name. Throws AppError project_not_found. */
export async function projectAsked(
  { c, services }: Asked,
  input: { project_id: string },
): Promise<{ scope: ProjectScope; project: Project }> {
  const scope = scopeOf(c, input);
  const project = await getProject(services.db, scope);
  c.set("project", project);
  return { scope, project };
}

/** Who asks, of the project that the arguments name. Throws AppError project_not_found. */
export async function askAsked(asked: Asked, input: { project_id: string }): Promise<Ask> {
  const { c } = asked;
  return { ...(await projectAsked(asked, input)), actor: c.get("caller").keyId, signal: c.req.raw.signal };
}
