import type { Context } from "hono";
import type { RateLimit, Taken } from "../../db/queries/rate-buckets.ts";
import { AppError } from "../../lib/errors.ts";
import type { Env } from "./env.ts";

/** The limit of everybody's keys; one that was silent may send two seconds' worth of requests at once. */
export const rateLimitOf = (perSecond: number): RateLimit => ({ perSecond, burstSeconds: 2 });

/**
 * Tells in RateLimit and RateLimit-Policy what is left of the key's bucket
 * (draft-ietf-httpapi-ratelimit-headers-10). Throws AppError rate_limited, with Retry-After.
 */
export function requireRate(c: Context<Env>, taken: Taken | null, { burstSeconds }: RateLimit): void {
  if (taken === null) return;
  c.header("RateLimit-Policy", `"requests";q=${taken.burst};w=${burstSeconds}`);
  c.header("RateLimit", `"requests";r=${taken.remaining};t=${Math.ceil(taken.fullIn)}`);
  if (taken.allowed) return;
  const seconds = Math.max(1, Math.ceil(taken.retryIn));
  c.header("Retry-After", String(seconds));
  throw new AppError(
    "rate_limited",
    `This key may send ${taken.perSecond} requests a second, ${taken.burst} at once (RATE_LIMIT_PER_SECOND, unless it has a limit of its own); try again in ${seconds} s.`,
  );
}
