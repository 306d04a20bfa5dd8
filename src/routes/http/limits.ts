import type { Context } from "hono";
import type { Executor } from "../../db/client.ts";
import type { ApiKey } from "../../db/queries/api-keys.ts";
import { type BucketSize, takeFromBucket } from "../../db/queries/rate-buckets.ts";
import type { Quotas } from "../../db/queries/usage.ts";
import { AppError } from "../../lib/errors.ts";
import type { Env, RouteContext } from "./router.ts";

/** A key that was silent may send so many seconds' worth of requests at once. */
const burstSeconds = 2;

/** The quotas of a workspace that has none of its own. */
export const quotasOf = (config: RouteContext["config"]): Quotas => ({
  images: config.QUOTA_IMAGES ?? null,
  bytes: config.QUOTA_BYTES ?? null,
  trainingMinutes: config.QUOTA_TRAINING_MINUTES ?? null,
});

/** A key's own limit may be lower than everybody's, never higher; null is no limit. */
function bucketOf(key: ApiKey, perSecond: number): BucketSize | null {
  const own = key.requestsPerSecond ?? Number.POSITIVE_INFINITY;
  const rate = Math.min(own, perSecond === 0 ? Number.POSITIVE_INFINITY : perSecond);
  return Number.isFinite(rate) ? { perSecond: rate, burst: rate * burstSeconds } : null;
}

/**
 * Counts the request against its key, and tells in RateLimit and RateLimit-Policy what is left
 * (draft-ietf-httpapi-ratelimit-headers-10). Throws AppError rate_limited, with Retry-After.
 */
export async function limitRate(
  c: Context<Env>,
  db: Executor,
  key: ApiKey,
  perSecond: number,
): Promise<void> {
  const size = bucketOf(key, perSecond);
  if (size === null) return;
  const taken = await takeFromBucket(db, key.id, size);
  c.header("RateLimit-Policy", `"requests";q=${size.burst};w=${burstSeconds}`);
  c.header("RateLimit", `"requests";r=${taken.remaining};t=${Math.ceil(taken.fullIn)}`);
  if (taken.allowed) return;
  const seconds = Math.max(1, Math.ceil(taken.retryIn));
  c.header("Retry-After", String(seconds));
  throw new AppError(
    "rate_limited",
    `This key may send ${size.perSecond} requests a second, ${size.burst} at once; try again in ${seconds} s.`,
  );
}
