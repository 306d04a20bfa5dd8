import { randomBytes } from "node:crypto";
import { and, eq, gt, lt, sql } from "drizzle-orm";
import { sha256 } from "../../lib/hash.ts";
import type { Executor } from "../client.ts";
import { apiKeys, sessions } from "../schema/index.ts";
import { type ApiKey, isLive, opensBy } from "./api-keys.ts";

/** What the cookie holds: 256 random bits in base64url. */
export const generateSession = (): string => randomBytes(32).toString("base64url");

/** Opens a session for whoever has shown `key`, whose row is `keyId`; expired ones of everybody go. */
export async function insertSession(
  db: Executor,
  session: string,
  { keyId, key, seconds }: { keyId: string; key: string; seconds: number },
): Promise<{ expiresAt: Date }> {
  await db.delete(sessions).where(lt(sessions.expiresAt, sql`now()`));
  const [row] = await db
    .insert(sessions)
    .values({
      hash: sha256(session),
      keyId,
      keyHash: sha256(key),
      expiresAt: sql`now() + ${seconds} * interval '1 second'`,
    })
    .returning({ expiresAt: sessions.expiresAt });
  return row as { expiresAt: Date };
}

/** The key behind a session, while both last. */
export async function findSession(
  db: Executor,
  session: string,
): Promise<{ key: ApiKey; expiresAt: Date } | undefined> {
  const [row] = await db
    .select({ key: apiKeys, expiresAt: sessions.expiresAt })
    .from(sessions)
    .innerJoin(apiKeys, and(eq(apiKeys.id, sessions.keyId), opensBy(sql`${sessions.keyHash}`), isLive()))
    .where(and(eq(sessions.hash, sha256(session)), gt(sessions.expiresAt, sql`now()`)));
  return row;
}

/** No error when there is none. */
export async function deleteSession(db: Executor, session: string): Promise<void> {
  await db.delete(sessions).where(eq(sessions.hash, sha256(session)));
}
