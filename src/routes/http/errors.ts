import { isDatabaseAway } from "../../db/away.ts";
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { HTTPException } from "hono/http-exception";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { ZodError } from "zod";
import { notJson } from "../../lib/json-parse.ts";
import { AppError, type ErrorCode, errorStatus, isFull, toldFailures } from "../../lib/errors.ts";
import { pathText } from "../../lib/text.ts";
import type { Env } from "./env.ts";
import "./words.ts";

export const errorBody = z
  .object({
    error: z.object({
      code: z
        .string()
        .openapi({ description: "A stable code for programs to act on.", example: "box_zero_area" }),
      message: z.string().openapi({ description: "For people: what was received and what is allowed." }),
      param: z.string().optional().openapi({
        description: "The offending field, as a path in the request.",
        example: "prompts[0].box",
      }),
      request_id: z.string(),
    }),
  })
  .openapi("Error");

/** Every route can end so; what the middleware in front of them answers is added by document.ts. */
const common: readonly ErrorCode[] = ["internal_error", "unavailable", "overloaded"];

/**
 * The error answers of a route, by status, each naming its codes. Typed as nothing on purpose: handlers throw
 * errors and never return them, so they are no part of what a handler may return.
 */
export function failures(...codes: ErrorCode[]): object {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of [...codes, ...common]) {
    byStatus.set(errorStatus[code], [...(byStatus.get(errorStatus[code]) ?? []), code]);
  }
  const entries = [...byStatus].map(([status, names]) => [
    status,
    { description: names.join(", "), content: { "application/json": { schema: errorBody } } },
  ]);
  return Object.fromEntries(entries) as object;
}

type Issue = ZodError["issues"][number];

/** What each branch of a union wanted and where, unless the union says it: "Invalid input" by itself helps nobody. */
function wishesOf(issue: Issue): string[] {
  const isPlain = issue.code !== "invalid_union" || issue.errors.length === 0;
  if (isPlain || issue.message !== "Invalid input") return [issue.message];
  return issue.errors.flatMap(([first]) => {
    if (!first) return [];
    const path = pathText(first.path);
    return wishesOf(first).map((wish) => (path === "" ? wish : `${path}: ${wish}`));
  });
}

const messageOfIssue = (issue: Issue): string => [...new Set(wishesOf(issue))].join("; or: ");

/** The place of what is wrong; a field that there is not is named itself. */
const placeOf = (issue: Issue): readonly PropertyKey[] =>
  issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] as string] : issue.path;

/** The first thing that a schema found wrong, with its place. */
export function invalidRequest(
  error: ZodError,
  target: string,
  code: ErrorCode = "invalid_request",
): AppError {
  const issue = error.issues[0];
  const path = issue ? pathText(placeOf(issue)) : "";
  const message = issue ? messageOfIssue(issue) : "not valid";
  const where = path === "" ? (target === "json" ? "The body" : `The ${target}`) : path;
  const param = path === "" ? undefined : path;
  return new AppError(code, `${where}: ${message}.`, { ...(param && { param }) });
}

/** What Hono and zod-openapi throw by themselves, in our words; null for what is not theirs. */
function fromHono(error: HTTPException, c: Context): AppError | null {
  if (error.status === 415) {
    const given = c.req.header("content-type") ?? "none";
    return new AppError(
      "unsupported_media_type",
      `This route doesn't take the content type ${given}; send application/json.`,
    );
  }
  if (error.status === 400) {
    return notJson();
  }
  return null;
}

function codeOf(error: unknown): ErrorCode {
  if (isFull(error)) return "storage_full";
  return isDatabaseAway(error) ? "unavailable" : "internal_error";
}

/** Seconds after which there may be room again. */
const roomSeconds = 60;

/** What is said of an error whose own message is for the log. */
function messageFor(error: AppError): string {
  if (error.code === "unavailable") return "Not available now; try again.";
  if (error.code === "storage_full")
    return "There is no room left to store anything. What is stored can be read; try again later.";
  return error.status === 500 && !toldFailures.has(error.code)
    ? "Something failed on our side; the request id finds it in the log."
    : error.message;
}

/** The one place where an error becomes an answer. A 5xx never tells what happened inside; the log does. */
export function onError(thrown: Error, c: Context<Env>): Response {
  const error = thrown instanceof HTTPException ? (fromHono(thrown, c) ?? thrown) : thrown;
  const known = error instanceof AppError ? error : new AppError(codeOf(error), "");
  // A client that went away stops its own work; that is no failure, and nobody reads the answer.
  if (c.req.raw.signal.aborted) c.get("log").info("the client has gone");
  else if (known.status >= 500 && known.code !== "overloaded")
    c.get("log").error({ err: thrown }, "request failed");
  return errorAnswer(c, known);
}

function errorAnswer(c: Context<Env>, error: AppError): Response {
  const retryAfter = error.retryAfter ?? (error.code === "storage_full" ? roomSeconds : undefined);
  if (retryAfter !== undefined) c.header("Retry-After", String(retryAfter));
  const body = {
    code: error.code,
    message: messageFor(error),
    ...(error.param !== undefined && { param: error.param }),
    request_id: c.get("requestId"),
  };
  return c.json({ error: body }, error.status as ContentfulStatusCode);
}

export const notFound = (c: Context<Env>): Response =>
  errorAnswer(
    c,
    new AppError(
      "route_not_found",
      `There is no route ${c.req.method} ${c.req.path}; /docs shows all there are.`,
    ),
  );

export function methodNotAllowed(c: Context<Env>, methods: string[]): Response {
  c.header("Allow", methods.join(", "));
  const allowed = `${c.req.path} takes ${methods.join(", ")}, not ${c.req.method}.`;
  return errorAnswer(c, new AppError("method_not_allowed", allowed));
}
