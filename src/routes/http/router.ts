import { OpenAPIHono, type RouteConfig, type z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import type { Project } from "../../db/queries/projects.ts";
import type { KeyScope } from "../../db/schema/index.ts";
import type { Log } from "../../lib/log.ts";
import type { Services } from "../../services.ts";
import type { RecentMasks } from "./earlier-masks.ts";
import { invalidRequest } from "./errors.ts";
import { boundedJson } from "./json-body.ts";
import type { Known } from "./known.ts";
import type { Metrics } from "./metrics.ts";

/** Who asks: every query of a handler takes the workspace from here. */
export interface Caller {
  readonly workspaceId: string;
  readonly keyId: string;
  readonly scopes: readonly KeyScope[];
}

export interface Env {
  Variables: {
    requestId: string;
    log: Log;
    /** What bodies are read with. */
    reading: Pick<Services, "memory" | "json">;
    /** Bytes that this body may have, and one that names its image and sends none; see limitBody. */
    bodyLimit: { readonly bytes: number; readonly naming: number | undefined };
    caller: Caller;
    /** Of the path, read together with the key; null where the caller has no such one. See `projectOf`. */
    project: Project | null;
  };
}

/** What a route file is given: the process's services and this app's counters. */
export interface RouteContext extends Services {
  readonly metrics: Metrics;
  /** Of the last answers, for prompts that refer to one. */
  readonly recentMasks: RecentMasks;
  readonly known: Known;
  /** Notifications are hints: an open event stream looks into the table this often without any, too. */
  readonly eventPollMs: number;
  /** An event stream ends after so long; its client takes it up again. */
  readonly eventStreamMs: number;
}

/**
 * A router whose schema failures become the API's own error. JSON bodies of its routes are read within the bounds of
 * their schemas; making a route throws an Error where its schema has none.
 */
export function createRouter(): OpenAPIHono<Env> {
  const router = new OpenAPIHono<Env>({
    defaultHook: (result) => {
      if (!result.success) throw invalidRequest(result.error, result.target);
    },
  });
  const { openapi } = router;
  router.openapi = ((route: RouteConfig, ...rest: unknown[]) =>
    (openapi as (...all: unknown[]) => unknown)(bounded(route), ...rest)) as typeof openapi;
  return router;
}

/** Routes are made once, apps of them may be several. */
const done = new WeakSet<RouteConfig>();

function bounded(route: RouteConfig & { middleware?: unknown }): RouteConfig {
  if (done.has(route)) return route;
  done.add(route);
  const content = route.request?.body?.content["application/json"];
  const schema = content && "schema" in content ? content.schema : undefined;
  if (!schema || !("_zod" in schema)) return route;
  const before = [route.middleware ?? []].flat() as MiddlewareHandler[];
  const reading = boundedJson(schema as z.ZodType, `${route.method} ${route.path}`);
  return Object.assign(route, { middleware: [...before, reading] });
}
