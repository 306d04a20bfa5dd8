import { eq, sql } from "drizzle-orm";
import type { Executor } from "../client.ts";
import { rateBuckets } from "../schema/index.ts";

/** A token bucket: it holds `burst` requests, and `perSecond` flow in again. */
export interface BucketSize {
  readonly perSecond: number;
  readonly burst: number;
}

export interface Taken {
  readonly allowed: boolean;
  /** Requests that could follow at once. */
  readonly remaining: number;
  /** Seconds until the bucket is full again. */
  readonly fullIn: number;
  /** Seconds until one more request is allowed; 0 while it is. */
  readonly retryIn: number;
}

/**
 * Takes one request out of a key's bucket, if one is in it, in one statement, so that all instances of the API share
 * the bucket. It is kept as the time at which it will be full (GCRA: "Generic Cell Rate Algorithm", ATM Forum Traffic
 * Management 4.0, 1996): taking moves that time on by 1 / perSecond, and it may not lie further ahead than
 * burst / perSecond.
 */
export async function takeFromBucket(
  db: Executor,
  keyId: string,
  { perSecond, burst }: BucketSize,
): Promise<Taken> {
  const ahead = (seconds: number) => sql`now() + ${seconds} * interval '1 second'`;
  const filled = sql`greatest(${rateBuckets.fullAt}, now())`;
  const step = 1 / perSecond;
  const fullIn = sql<number>`extract(epoch from greatest(${rateBuckets.fullAt} - now(), interval '0'))::float8`;
  const [taken] = await db
    .insert(rateBuckets)
    .values({ keyId, fullAt: ahead(step) })
    .onConflictDoUpdate({
      target: rateBuckets.keyId,
      set: { fullAt: sql`${filled} + ${step} * interval '1 second'` },
      setWhere: sql`${filled} <= ${ahead((burst - 1) / perSecond)}`,
    })
    .returning({ fullIn });
  if (taken) {
    const remaining = Math.max(0, Math.floor(burst - taken.fullIn * perSecond + 1e-6));
    return { allowed: true, remaining, fullIn: taken.fullIn, retryIn: 0 };
  }
  const [refused] = await db.select({ fullIn }).from(rateBuckets).where(eq(rateBuckets.keyId, keyId));
  const wait = refused?.fullIn ?? 0;
  return {
    allowed: false,
    remaining: 0,
    fullIn: wait,
    retryIn: Math.max(0, wait - (burst - 1) / perSecond),
  };
}
