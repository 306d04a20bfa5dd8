import { randomBytes } from "node:crypto";
import { and, desc, eq, gt, isNull, or, type Placeholder, type SQL, sql } from "../drizzle.ts";
import { AppError } from "../../lib/errors.ts";
import { sha256 } from "../../lib/hash.ts";
import { newId } from "../../lib/ids.ts";
import type { Database, Executor } from "../client.ts";
import { prebuilt } from "../prebuilt.ts";
import { apiKeys, projects, rateBuckets } from "../schema/index.ts";
import { behind, cut, type Page, type PageRequest } from "./page.ts";
import type { Project } from "./projects.ts";
import { type RateLimit, type Taken, takenOf, taking } from "./rate-buckets.ts";
import { insertWorkspace } from "./workspaces.ts";

export type ApiKey = typeof apiKeys.$inferSelect;

/** Held in a transaction by whoever makes the first key, so that two processes that start at once make one. */
const firstKeyLock = 7_236_401;

/** `mw_` and 256 random bits in base64url. */
export const generateKey = (): string => `mw_${randomBytes(32).toString("base64url")}`;

const stored = (key: string) => ({ hash: sha256(key), hint: key.slice(0, 7) });

/** Neither revoked nor expired. */
export const isLive = (): SQL | undefined =>
  and(isNull(apiKeys.revokedAt), or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, sql`now()`)));

/** `hash` is the key's own, or the one of before its rotation while that still opens. */
export const opensBy = (hash: string | SQL | Placeholder | typeof apiKeys.hash): SQL | undefined =>
  or(eq(apiKeys.hash, hash), and(eq(apiKeys.previousHash, hash), gt(apiKeys.previousExpiresAt, sql`now()`)));

/** Stores a key's hash; the key itself is returned by `generateKey` once and kept nowhere. It is an admin's if no scopes are given. */
export async function insertApiKey(
  db: Executor,
  key: string,
  row: { workspaceId: string; name: string } & Partial<
    Pick<ApiKey, "scopes" | "expiresAt" | "requestsPerSecond">
  >,
): Promise<ApiKey> {
  const [inserted] = await db
    .insert(apiKeys)
    .values({ id: newId("key"), ...stored(key), ...row })
    .returning();
  return inserted as ApiKey;
}

/**
 * The row of a key that opens: its own or, in the grace time, the one of before its rotation. Looked up by hash, so no
 * comparison leaks how much of a guess was right.
 */
export async function findApiKey(db: Executor, key: string): Promise<ApiKey | undefined> {
  const [row] = await db
    .select()
    .from(apiKeys)
    .where(and(opensBy(sha256(key)), isLive()));
  return row;
}

/** A key, and the project that its request is about: null where the key's workspace has none of that id. */
export interface KeyAndProject {
  readonly key: ApiKey;
  readonly project: Project | null;
}

/** The project that a request names, of the key's own workspace and no other. */
export const namedProject = (): SQL | undefined =>
  and(eq(projects.workspaceId, apiKeys.workspaceId), eq(projects.id, sql.placeholder("projectId")));

/** What a request with a key may do, and how its rate stands; `taken` is null where it has no limit. */
export interface Admitted extends KeyAndProject {
  readonly taken: Taken | null;
}

const admitByHash = prebuilt((db) => {
  const opening = and(opensBy(sql.placeholder("hash")), isLive());
  const { taken, ofKey, bucketOfKey, columns } = taking(db, opening);
  return db
    .with(taken)
    .select({ key: apiKeys, project: projects, ...columns })
    .from(apiKeys)
    .leftJoin(projects, namedProject())
    .leftJoin(taken, ofKey)
    .leftJoin(rateBuckets, bucketOfKey)
    .where(opening)
    .prepare("admit_key");
});

/**
 * What `findApiKey` finds, with the project of the request's path, and one request taken from the key's bucket: all
 * that every request asks, in one go.
 */
export async function admitKey(
  db: Executor,
  key: string,
  { projectId, limit }: { projectId: string | null; limit: RateLimit },
): Promise<Admitted | undefined> {
  const [row] = await admitByHash(db, { hash: sha256(key), projectId: projectId ?? "", ...limit });
  return row && { key: row.key, project: row.project, taken: takenOf(row, limit) };
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

const inScope = (workspaceId: string, id: string) =>
  and(eq(apiKeys.workspaceId, workspaceId), eq(apiKeys.id, id), isNull(apiKeys.revokedAt));

const keyNotFound = (id: string): AppError =>
  new AppError("key_not_found", `There is no key ${id}.`, { param: "key_id" });

/** Throws AppError key_not_found, also when it was revoked or is another workspace's. */
export async function getApiKey(db: Executor, workspaceId: string, id: string): Promise<ApiKey> {
  const [row] = await db.select().from(apiKeys).where(inScope(workspaceId, id));
  if (!row) throw keyNotFound(id);
  return row;
}

/** Expired keys too; revoked ones not. */
export async function listApiKeys(
  db: Executor,
  workspaceId: string,
  page: PageRequest,
): Promise<Page<ApiKey>> {
  const rows = await db
    .select()
    .from(apiKeys)
    .where(and(eq(apiKeys.workspaceId, workspaceId), isNull(apiKeys.revokedAt), behind(apiKeys, page.after)))
    .orderBy(desc(apiKeys.createdAt), desc(apiKeys.id))
    .limit(page.limit + 1);
  return cut(rows, page.limit);
}

/**
 * Gives the key's row another secret; the one of now opens for `graceSeconds` more, the one of before it no longer.
 * Throws AppError key_not_found.
 */
export async function rotateApiKey(
  db: Executor,
  workspaceId: string,
  { id, key, graceSeconds }: { id: string; key: string; graceSeconds: number },
): Promise<ApiKey> {
  const [row] = await db
    .update(apiKeys)
    .set({
      ...stored(key),
      previousHash: sql`${apiKeys.hash}`,
      previousExpiresAt: sql`now() + ${graceSeconds} * interval '1 second'`,
      rotatedAt: sql`now()`,
    })
    .where(inScope(workspaceId, id))
    .returning();
  if (!row) throw keyNotFound(id);
  return row;
}

/**
 * Ends a key at once. The last one that may make others stays: nobody could get in again.
 * Throws AppError key_not_found, last_admin_key.
 */
export async function revokeApiKey(db: Database, workspaceId: string, id: string): Promise<void> {
  await db.transaction(async (tx) => {
    // All of them, in one order: of two admins who revoke each other one comes second and is told so.
    const admins = await tx
      .select({ id: apiKeys.id, expiresAt: apiKeys.expiresAt })
      .from(apiKeys)
      .where(and(eq(apiKeys.workspaceId, workspaceId), isLive(), sql`'admin' = any(${apiKeys.scopes})`))
      .orderBy(apiKeys.id)
      .for("update");
    const lasting = admins.filter((one) => one.expiresAt === null || one.id === id);
    if (lasting.length === 1 && lasting[0]?.id === id) {
      throw new AppError(
        "last_admin_key",
        "This is the last admin key without an end: make another one first.",
      );
    }
    const [row] = await tx
      .update(apiKeys)
      .set({ revokedAt: sql`now()` })
      .where(inScope(workspaceId, id))
      .returning({ id: apiKeys.id });
    if (!row) throw keyNotFound(id);
  });
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
