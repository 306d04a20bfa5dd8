import { createRoute, z } from "@hono/zod-openapi";
import { createMcpHandler } from "@modelcontextprotocol/server";
import type { RouteContext } from "./http/env.ts";
import { errorBody, failures } from "./http/errors.ts";
import { createRouter } from "./http/router.ts";
import { json, jsonBody } from "./http/scope.ts";
import { limitBody } from "./http/upload.ts";
import { mcpServer } from "./mcp/server.ts";
import { anything, open } from "./wire/open-object.ts";

/** Bytes of a message; an image goes into one as base64. */
const mostBytes = 4 * 1024 * 1024;

const message = open({
  jsonrpc: z.literal("2.0"),
  id: anything().optional(),
  method: anything().optional(),
  params: anything().optional(),
}).openapi({
  description: "A request or notification of JSON-RPC 2.0, as the protocol has it; one at a time.",
});

const answer = z
  .object({
    jsonrpc: z.literal("2.0"),
    id: z.union([z.string(), z.number(), z.null()]).optional(),
    result: z.record(z.string(), z.unknown()).optional(),
    error: z.object({ code: z.int(), message: z.string(), data: z.unknown().optional() }).optional(),
  })
  .openapi("McpAnswer");

const refusal = z.union([errorBody, answer]);

const routeWith = (limit: number) =>
  createRoute({
    method: "post",
    path: "/mcp",
    tags: ["mcp"],
    summary: "The Model Context Protocol: this API's actions as tools for agents",
    description:
      "Streamable HTTP, stateless: protocol 2026-07-28, and 2025-11-25 with those before it. docs/agents.md tells the tools. Each asks " +
      "for the scope of the route that does the same, and tells what it refuses as that route does, in a result with isError.",
    middleware: [limitBody(limit)] as const,
    request: { body: jsonBody(message) },
    responses: {
      200: {
        description:
          "The answer to a request; as an event of a stream that ends with it for older protocols.",
        content: { "application/json": { schema: answer }, "text/event-stream": { schema: z.string() } },
      },
      202: { description: "A notification has come; none changes anything." },
      ...failures("invalid_json", "invalid_request", "body_too_large", "unsupported_media_type"),
      400: json(refusal, "invalid_json, invalid_request, or what the protocol refuses."),
      404: json(answer, "There is no such method."),
      406: json(answer, "Both application/json and text/event-stream have to be accepted."),
    },
  });

export function mcpRoutes(services: RouteContext) {
  const router = createRouter();
  const limit = Math.min(services.config.MAX_BODY_BYTES, mostBytes);

  router.openapi(routeWith(limit), async (c) => {
    let failed: Error | undefined;
    const handler = createMcpHandler(() => mcpServer({ c, services }), {
      // Nothing ever changes that could be told, and no stream may outlive its request.
      maxSubscriptions: 0,
      keepAliveMs: 0,
      onerror: (error) => {
        failed = error;
      },
    });
    const response = await handler.fetch(c.req.raw, { parsedBody: c.req.valid("json") });
    // All of it, so that what the request holds is held until its tool has ended.
    const text = await response.text();
    if (response.status >= 499)
      throw failed ?? new Error(`the protocol's handler answers ${response.status}`);
    const type = response.headers.get("content-type");
    // By c.body, as headers that were set before are left out of a Response of others.
    const body = text === "" ? null : text;
    return c.body(body as never, response.status as 200, type === null ? {} : { "content-type": type });
  });

  return router;
}
