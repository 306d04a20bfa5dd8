import { randomBytes } from "node:crypto";
import { and, eq, isNull, sql } from "drizzle-orm";
import { sha256 } from "../../lib/hash.ts";
import { newId } from "../../lib/ids.ts";
import type { Database, Executor } from "../client.ts";
import { apiKeys } from "../schema/index.ts";
import { insertWorkspace } from "./workspaces.ts";

export type ApiKey = typeof apiKeys.$inferSelect;

/** Held in a transaction by whoever makes the first key, so that two processes that start at once make one. */
const firstKeyLock = 7_236_401;

/** `mw_` and 256 random bits in base64url. */
export const generateKey = (): string => `mw_${randomBytes(32).toString("base64url")}`;

/** Stores a key's hash; the key itself is returned by `generateKey` once and kept nowhere. */
export async function insertApiKey(
  db: Executor,
  key: string,
  row: { workspaceId: string; name: string },
): Promise<ApiKey> {
  const values = { id: newId("key"), hash: sha256(key), hint: key.slice(0, 7), ...row };
  const [inserted] = await db.insert(apiKeys).values(values).returning();
  return inserted as ApiKey;
}

/** The key's row, unless it was revoked. Looked up by hash, so no comparison leaks how much of a guess was right. */
export async function findApiKey(db: Executor, key: string): Promise<ApiKey | undefined> {
  const [row] = await db
    .select()
    .from(apiKeys)
    .where(and(eq(apiKeys.hash, sha256(key)), isNull(apiKeys.revokedAt)));
  return row;
}

/** Sets last_used_at, at most once a minute, so that a busy key doesn't write on every request. */
export async function touchApiKey(db: Executor, id: string): Promise<void> {
  await db
    .update(apiKeys)
    .set({ lastUsedAt: sql`now()` })
    .where(
      and(
        eq(apiKeys.id, id),
        sql`(${apiKeys.lastUsedAt} is null or ${apiKeys.lastUsedAt} < now() - interval '1 minute')`,
      ),
    );
}

/** A workspace with its key when the database has no key at all; null when there is one. */
export async function createFirstKey(db: Database): Promise<{ key: string; workspaceId: string } | null> {
  return db.transaction(async (tx) => {
    await tx.execute(sql`select pg_advisory_xact_lock(${firstKeyLock})`);
    const [existing] = await tx.select({ id: apiKeys.id }).from(apiKeys).limit(1);
    if (existing) return null;
    const workspace = await insertWorkspace(tx, { id: newId("ws"), name: "default" });
    const key = generateKey();
    await insertApiKey(tx, key, { workspaceId: workspace.id, name: "first key" });
    return { key, workspaceId: workspace.id };
  });
}
