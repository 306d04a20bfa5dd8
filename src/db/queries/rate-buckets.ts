import { eq, type Placeholder, sql, type SQL } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { prebuilt } from "../prebuilt.ts";
import { apiKeys, rateBuckets } from "../schema/index.ts";

/** What everybody's keys may do at most; a key's own limit may be lower. */
export interface RateLimit {
  /** 0: only keys that have a limit of their own are limited. */
  readonly perSecond: number;
  /** A bucket holds so many seconds' worth of requests. */
  readonly burstSeconds: number;
}

/** A key's bucket after a request has asked for one of its tokens. */
export interface Taken {
  readonly allowed: boolean;
  /** The key's own or everybody's, whichever is lower. */
  readonly perSecond: number;
  /** Requests that a full bucket holds. */
  readonly burst: number;
  /** Requests that could follow at once. */
  readonly remaining: number;
  /** Seconds until the bucket is full again. */
  readonly fullIn: number;
  /** Seconds until one more request is allowed; 0 while it is. */
  readonly retryIn: number;
}

/** The statement's own values, which both statements below have. */
const perSecond = sql`${sql.placeholder("perSecond")}::float8`;
const burst = sql`${sql.placeholder("burstSeconds")}::float8 * interval '1 second'`;
/** Null is no limit. */
const rate = sql<number | null>`least(${apiKeys.requestsPerSecond}::float8, nullif(${perSecond}, 0))`;
const filled = sql`greatest(${rateBuckets.fullAt}, now())`;
/** In the conflict below: what one request adds. */
const step = sql`(excluded.full_at - now())`;
const secondsUntil = (time: SQL | typeof rateBuckets.fullAt) =>
  sql<number>`extract(epoch from greatest(${time} - now(), interval '0'))::float8`;

/**
 * Takes one request out of the buckets of the keys that `where` finds, where one is in them, as a part of the statement
 * that reads those keys, so that all instances of the API share the bucket and none asks twice. A bucket is kept as the
 * time at which it will be full (GCRA: "Generic Cell Rate Algorithm", ATM Forum Traffic Management 4.0, 1996): taking
 * moves that time on by 1 / rate, and it may not lie further ahead than the burst. `columns` and the joins tell how
 * that went.
 */
export const taking = (db: Executor, where: SQL | undefined) => {
  const taken = db
    .$with("taken", {
      keyId: sql<string>`key_id`.as("key_id"),
      fullIn: sql<number>`full_in`.as("full_in"),
    })
    .as(
      sql`insert into ${rateBuckets} (key_id, full_at)
        select id, now() + interval '1 second' / rate
        from (select ${apiKeys.id} as id, ${rate} as rate from ${apiKeys} where ${where}) limited
        where rate is not null
        on conflict (key_id) do update set full_at = ${filled} + ${step}
        where ${filled} <= now() + ${burst} - ${step}
        returning key_id, ${secondsUntil(rateBuckets.fullAt)} as full_in`,
    );
  return {
    taken,
    ofKey: eq(taken.keyId, apiKeys.id),
    bucketOfKey: eq(rateBuckets.keyId, apiKeys.id),
    columns: {
      rate: rate.as("rate"),
      takenFullIn: taken.fullIn,
      fullIn: secondsUntil(rateBuckets.fullAt).as("full"),
    },
  };
};

/** What the columns of `taking` say; null where the key has no limit. */
export function takenOf(
  row: { rate: number | null; takenFullIn: number | null; fullIn: number | null },
  { burstSeconds }: RateLimit,
): Taken | null {
  if (row.rate === null) return null;
  const holds = row.rate * burstSeconds;
  const known = { perSecond: row.rate, burst: holds };
  if (row.takenFullIn !== null) {
    const remaining = Math.max(0, Math.floor(holds - row.takenFullIn * row.rate + 1e-6));
    return { ...known, allowed: true, remaining, fullIn: row.takenFullIn, retryIn: 0 };
  }
  const wait = row.fullIn ?? 0;
  const retryIn = Math.max(0, wait - (holds - 1) / row.rate);
  return { ...known, allowed: false, remaining: 0, fullIn: wait, retryIn };
}

const takeById = prebuilt((db) => {
  const id: Placeholder = sql.placeholder("id");
  const { taken, ofKey, bucketOfKey, columns } = taking(db, eq(apiKeys.id, id));
  return db
    .with(taken)
    .select(columns)
    .from(apiKeys)
    .leftJoin(taken, ofKey)
    .leftJoin(rateBuckets, bucketOfKey)
    .where(eq(apiKeys.id, id))
    .prepare("take_from_bucket");
});

/** Takes one request out of a key's bucket; null where the key has no limit. */
export async function takeFromBucket(db: Executor, keyId: string, limit: RateLimit): Promise<Taken | null> {
  const [row] = await takeById(db, { id: keyId, ...limit });
  return row ? takenOf(row, limit) : null;
}
