import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Database } from "../../db/client.ts";
import { claimKey, deleteOldKeys, findKey, releaseKey, storeAnswer } from "../../db/queries/idempotency.ts";
import { AppError, type ErrorCode, errorStatus } from "../../lib/errors.ts";
import { canonicalJson, sha256 } from "../../lib/hash.ts";
import type { Env } from "./env.ts";

/** For the `headers` of a creating route, so that the documentation names it. */
export const idempotencyHeader = z.object({
  "idempotency-key": z.string().optional().openapi({
    description:
      "Any text of up to 255 characters; repeating the request with the same key within a day returns the first answer.",
  }),
});

export const idempotencyErrors = [
  "idempotency_key_invalid",
  "idempotency_key_reused",
  "idempotency_key_in_use",
] as const;

interface Answer<Body, Status extends number> {
  readonly status: Status;
  readonly body: Body;
}

interface StoredError {
  error: { code: ErrorCode; message: string; param?: string };
}

/**
 * Carries out a creating request once for each Idempotency-Key. `request` is what was asked, with bytes given by
 * their hash (a multipart boundary differs from try to try, its parts don't). Answers below 500 are kept, errors
 * too; a failure on our side frees the key. Between the work and the keeping of its answer lies a moment where a
 * dead process leaves the key in use; it is free again after ten minutes. `keep` takes out of an answer what must not
 * be kept.
 * Throws AppError idempotency_key_invalid, idempotency_key_reused, idempotency_key_in_use.
 */
export async function idempotent<Body, Status extends number>(
  c: Context<Env>,
  db: Database,
  request: unknown,
  run: () => Promise<Answer<Body, Status>>,
  keep: (body: Body) => Body = (body) => body,
): Promise<Answer<Body, Status>> {
  const key = c.req.header("idempotency-key");
  if (key === undefined) return run();
  if (key.length === 0 || key.length > 255) {
    throw new AppError("idempotency_key_invalid", "Idempotency-Key: 1 to 255 characters.", {
      param: "idempotency-key",
    });
  }
  const { workspaceId } = c.get("caller");
  const scope = { workspaceId, key };
  const requestHash = sha256(canonicalJson([c.req.method, c.req.path, c.req.query(), request]));
  if (!(await claimKey(db, scope, requestHash))) {
    const row = await findKey(db, scope);
    if (row && row.requestHash !== requestHash) {
      throw new AppError("idempotency_key_reused", "This Idempotency-Key was used for another request.");
    }
    if (!row || row.status === null) {
      throw new AppError("idempotency_key_in_use", "The first request with this Idempotency-Key still runs.");
    }
    return replay(c, row.status as Status, row.body);
  }
  await deleteOldKeys(db, workspaceId);
  return runAndKeep(db, scope, run, keep);
}

function replay<Body, Status extends number>(
  c: Context<Env>,
  status: Status,
  body: unknown,
): Answer<Body, Status> {
  c.header("idempotent-replayed", "true");
  if (status < 400) return { status, body: body as Body };
  const { code, message, param } = (body as StoredError).error;
  throw new AppError(code, message, { ...(param !== undefined && { param }) });
}

async function runAndKeep<Body, Status extends number>(
  db: Database,
  scope: { workspaceId: string; key: string },
  run: () => Promise<Answer<Body, Status>>,
  keep: (body: Body) => Body,
): Promise<Answer<Body, Status>> {
  let answer: Answer<Body, Status>;
  try {
    answer = await run();
  } catch (error) {
    if (error instanceof AppError && error.status < 500) {
      const { code, message, param } = error;
      await storeAnswer(db, scope, { status: errorStatus[code], body: { error: { code, message, param } } });
    } else {
      await releaseKey(db, scope);
    }
    throw error;
  }
  // Where this fails the work is done all the same, so the key stays taken: free, it would let it be done twice.
  await storeAnswer(db, scope, { status: answer.status, body: keep(answer.body) });
  return answer;
}
