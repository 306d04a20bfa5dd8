import type { MiddlewareHandler } from "hono";
import { matchedRoutes } from "hono/route";
import { elapsedMs } from "../../lib/clock.ts";
import type { Log } from "../../lib/log.ts";
import { loggedPath } from "../../lib/log-errors.ts";
import { inSpan, inTraceOf } from "../../lib/trace.ts";
import type { Metrics } from "../../actions/metrics.ts";
import type { Env } from "./env.ts";

/** One structured line, one count and one span for each request: no header, no query, no body is written down. */
export function requestLog(log: Log, metrics: Metrics): MiddlewareHandler<Env> {
  return async (c, next) => {
    const start = performance.now();
    const requestLogger = log.child({ request_id: c.get("requestId") });
    c.set("log", requestLogger);
    const { method, path } = c.req;
    await inTraceOf(c.req.header("traceparent"), () =>
      inSpan(
        method,
        { "http.request.method": method, "maskwright.request_id": c.get("requestId") },
        async (span) => {
          await next();
          const ms = elapsedMs(start);
          const { status } = c.res;
          // The pattern, not the path: ids would make a new time series each.
          const route = matchedRoutes(c).findLast((matched) => matched.method !== "ALL")?.path ?? "none";
          metrics.requests.inc({ method, route, status });
          metrics.seconds.observe({ method, route }, ms / 1000);
          const workspace = c.get("caller")?.workspaceId;
          span.updateName(`${method} ${route}`);
          span.setAttributes({ "http.route": route, "http.response.status_code": status });
          requestLogger.info(
            { method, path: loggedPath(path), route, status, ms, ...(workspace && { workspace }) },
            "request",
          );
        },
        "server",
      ),
    );
  };
}
