import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { Executor } from "../../db/client.ts";
import { getProject } from "../../db/queries/projects.ts";
import { AppError } from "../../lib/errors.ts";
import { onError } from "./errors.ts";
import type { Env } from "./env.ts";

/**
 * onError, but for a request whose project was deleted while it ran: rows that it names and objects that it reads are
 * gone in the middle of it, however far it has come, and the answer is that there is no such project.
 */
export const onErrorIn =
  (db: Executor) =>
  async (thrown: Error, c: Context<Env>): Promise<Response> =>
    onError((isOurs(thrown) ? await deletedMeanwhile(db, c) : null) ?? thrown, c);

/** Codes of 500 and above that say nothing of what was there. */
const passing: ReadonlySet<string> = new Set(["overloaded", "unavailable", "storage_full"]);

const isOurs = (thrown: Error): boolean =>
  thrown instanceof AppError
    ? thrown.status >= 500 && !passing.has(thrown.code)
    : !(thrown instanceof HTTPException);

async function deletedMeanwhile(db: Executor, c: Context<Env>): Promise<AppError | null> {
  const project = c.get("project") as Env["Variables"]["project"] | undefined;
  if (!project) return null;
  const { workspaceId, id: projectId } = project;
  try {
    await getProject(db, { workspaceId, projectId });
    return null;
  } catch (error) {
    // Where the database can't say, what was thrown stands.
    return error instanceof AppError && error.code === "project_not_found" ? error : null;
  }
}
