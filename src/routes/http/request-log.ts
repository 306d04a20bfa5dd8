import type { MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import { elapsedMs } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import type { Metrics } from "./metrics.ts";
import type { Env } from "./router.ts";

/** One structured line and one count for each request: no header, no query, no body is written down. */
export function requestLog(log: Log, metrics: Metrics): MiddlewareHandler<Env> {
  return async (c, next) => {
    const start = performance.now();
    const requestLogger = log.child({ request_id: c.get("requestId") });
    c.set("log", requestLogger);
    await next();
    const ms = elapsedMs(start);
    const { method, path } = c.req;
    const { status } = c.res;
    // The pattern, not the path: ids would make a new time series each.
    const route = matchedRoutes(c).findLast((matched) => matched.method !== "ALL")?.path ?? "none";
    metrics.requests.inc({ method, route, status });
    metrics.seconds.observe({ method, route }, ms / 1000);
    const workspace = c.get("caller")?.workspaceId;
    requestLogger.info({ method, path, route, status, ms, ...(workspace && { workspace }) }, "request");
  };
}
