import { randomBytes } from "node:crypto";
import { and, desc, eq, gt, inArray, lt, sql } from "../drizzle.ts";
import { sha256 } from "../../lib/hash.ts";
import type { Executor } from "../client.ts";
import { prebuilt } from "../prebuilt.ts";
import { apiKeys, projects, sessions } from "../schema/index.ts";
import { isLive, type KeyAndProject, namedProject, opensBy } from "./api-keys.ts";

type Session = KeyAndProject & { expiresAt: Date };

/** What the cookie holds: 256 random bits in base64url. */
export const generateSession = (): string => randomBytes(32).toString("base64url");

/** Sessions that a key has at a time: more browsers than any one owner of it. */
export const mostSessions = 100;

/**
 * Opens a session for whoever has shown `key`, whose row is `keyId`. Expired ones of everybody go, and the oldest of this
 * key beyond `mostSessions`.
 */
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
  const oldest = db
    .select({ hash: sessions.hash })
    .from(sessions)
    .where(eq(sessions.keyId, keyId))
    .orderBy(desc(sessions.createdAt))
    .offset(mostSessions);
  await db.delete(sessions).where(inArray(sessions.hash, oldest));
  return row as { expiresAt: Date };
}

const findByHash = prebuilt<Session[]>((db) =>
  db
    .select({ key: apiKeys, expiresAt: sessions.expiresAt, project: projects })
    .from(sessions)
    .innerJoin(apiKeys, and(eq(apiKeys.id, sessions.keyId), opensBy(sql`${sessions.keyHash}`), isLive()))
    .leftJoin(projects, namedProject())
    .where(and(eq(sessions.hash, sql.placeholder("hash")), gt(sessions.expiresAt, sql`now()`)))
    .prepare("find_session_and_project"),
);

/** The key behind a session, while both last, and the project that its request names. */
export async function findSession(
  db: Executor,
  session: string,
  projectId: string | null = null,
): Promise<Session | undefined> {
  const [row] = await findByHash(db, { hash: sha256(session), projectId: projectId ?? "" });
  return row;
}

/** No error when there is none. */
export async function deleteSession(db: Executor, session: string): Promise<void> {
  await db.delete(sessions).where(eq(sessions.hash, sha256(session)));
}
