import { and, eq, lt, or, sql } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { idempotencyKeys } from "../schema/index.ts";

type IdempotencyRow = typeof idempotencyKeys.$inferSelect;

interface KeyScope {
  readonly workspaceId: string;
  readonly key: string;
}

const inScope = (scope: KeyScope) =>
  and(eq(idempotencyKeys.workspaceId, scope.workspaceId), eq(idempotencyKeys.key, scope.key));

/**
 * Takes a key for a request: true when it is ours to carry out. A key is free when it is new, a day old, or was
 * left open for ten minutes by a process that died.
 */
export async function claimKey(db: Executor, scope: KeyScope, requestHash: string): Promise<boolean> {
  const values = { ...scope, requestHash, status: null, body: null };
  const claimed = await db
    .insert(idempotencyKeys)
    .values(values)
    .onConflictDoUpdate({
      target: [idempotencyKeys.workspaceId, idempotencyKeys.key],
      set: { requestHash, status: null, body: null, createdAt: sql`now()` },
      setWhere: or(
        lt(idempotencyKeys.createdAt, sql`now() - interval '1 day'`),
        sql`${idempotencyKeys.status} is null and ${idempotencyKeys.createdAt} < now() - interval '10 minutes'`,
      ),
    })
    .returning({ key: idempotencyKeys.key });
  return claimed.length > 0;
}

export async function findKey(db: Executor, scope: KeyScope): Promise<IdempotencyRow | undefined> {
  const [row] = await db.select().from(idempotencyKeys).where(inScope(scope));
  return row;
}

export async function storeAnswer(
  db: Executor,
  scope: KeyScope,
  answer: { status: number; body: unknown },
): Promise<void> {
  await db.update(idempotencyKeys).set(answer).where(inScope(scope));
}

/** The request failed on our side: the key may be used again. */
export async function releaseKey(db: Executor, scope: KeyScope): Promise<void> {
  await db.delete(idempotencyKeys).where(inScope(scope));
}

/** Removes this workspace's answers that are older than a day. */
export async function deleteOldKeys(db: Executor, workspaceId: string): Promise<void> {
  await db
    .delete(idempotencyKeys)
    .where(
      and(
        eq(idempotencyKeys.workspaceId, workspaceId),
        lt(idempotencyKeys.createdAt, sql`now() - interval '1 day'`),
      ),
    );
}
