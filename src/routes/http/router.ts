import { OpenAPIHono, type RouteConfig, type z } from "@hono/zod-openapi";
import type { MiddlewareHandler } from "hono";
import type { Env } from "./env.ts";
import { invalidRequest } from "./errors.ts";
import { boundedJson } from "./json-body.ts";

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
