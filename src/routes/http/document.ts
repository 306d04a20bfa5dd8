import type { OpenAPIHono } from "@hono/zod-openapi";
import { type ErrorCode, errorStatus } from "../../lib/errors.ts";
import { type Access, accessTo, isApiPath, takesBasic } from "./access.ts";
import { csrfHeader, sessionCookie } from "./auth.ts";
import type { Env } from "./env.ts";

export type Document = ReturnType<OpenAPIHono<Env>["getOpenAPI31Document"]>;

interface Answer {
  description: string;
  headers?: Record<string, unknown>;
  content?: Record<string, { schema?: unknown }>;
}

interface Operation {
  parameters?: { in: string }[];
  requestBody?: { required?: boolean; content: Record<string, unknown> };
  security?: Record<string, string[]>[];
  responses: Record<string, Answer>;
}

const about = {
  openapi: "3.1.0",
  info: {
    title: "maskwright",
    version: "1",
    description:
      "Your own Segment Anything: upload images and masks, fine-tune with one call, predict with your version. Boxes are [x0, y0, x1, y1] and points [x, y, label] in pixels of the original image, origin top left. " +
      "Two answers may come from any call: 408 `request_too_slow` where a body arrives at less than 1 kB a second, and 507 `storage_full` where there is no room left to store anything.",
  },
};

const text = (description: string) => ({ description, schema: { type: "string" as const } });

/** Headers that many answers carry, by the name under which they stand in components. */
const headers = {
  "x-request-id": text("Finds the request in the server's log."),
  etag: text("Send it as If-None-Match; where nothing has changed the answer is 304."),
  "ratelimit-policy": text("How many requests (q) in how many seconds (w) the key may send at once."),
  ratelimit: text("How many more it may send now (r), and in how many seconds it may send all again (t)."),
  "retry-after": text("Seconds after which to send the request again."),
};

const refer = (...names: (keyof typeof headers)[]) =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

const errorContent = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } };

/**
 * The API's description: the routes' own schemas, and on every operation what the middleware in front of all routes
 * does: who may call it, rate limits, conditional requests.
 */
export function describeApi(app: OpenAPIHono<Env>): Document {
  const document = app.getOpenAPI31Document(about);
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    if (!isApiPath(path)) continue;
    for (const [method, operation] of Object.entries(item as Record<string, Operation>)) {
      const access = accessTo(`${method.toUpperCase()} ${path}`);
      guard(operation, access, method !== "get");
      if (takesBasic(path) && operation.security)
        operation.security.push({ basic: operation.security[0]?.["bearer"] ?? [] });
      addValidation(operation);
      if (method === "get") makeConditional(operation);
      const busy = operation.responses[errorStatus.overloaded];
      if (busy) busy.headers = { ...busy.headers, ...refer("retry-after") };
      for (const answer of Object.values(operation.responses)) {
        answer.headers = { ...refer("x-request-id"), ...answer.headers };
        if (access !== "open")
          answer.headers = { ...answer.headers, ...refer("ratelimit-policy", "ratelimit") };
      }
    }
  }
  document.components = {
    ...document.components,
    headers,
    securitySchemes: {
      bearer: {
        type: "http",
        scheme: "bearer",
        description:
          "Your key: `Authorization: Bearer mw_…`. Each operation names the scope that it requires.",
      },
      basic: {
        type: "http",
        scheme: "basic",
        description: "Your key as the password, with any user: for tools that know nothing else.",
      },
      session: {
        type: "apiKey",
        in: "cookie",
        name: sessionCookie,
        description: `A browser's, by POST /v1/session. What changes something needs the header ${csrfHeader} too.`,
      },
    },
  };
  return document;
}

function guard(operation: Operation, access: Access, changes: boolean): void {
  if (access === "open") {
    operation.security = [];
    return;
  }
  const scopes = access === "any" ? [] : [access];
  operation.security = [{ bearer: scopes }, { session: scopes }];
  addFailures(operation, "missing_api_key", "invalid_api_key", "rate_limited");
  if (access !== "any") addFailures(operation, "scope_missing");
  if (changes) addFailures(operation, "csrf_rejected");
  const limited = operation.responses[errorStatus.rate_limited] as Answer;
  limited.headers = { ...limited.headers, ...refer("retry-after") };
}

/** What the schemas of a request refuse before its handler is asked. */
function addValidation(operation: Operation): void {
  if (operation.parameters?.some((one) => one.in === "path")) addFailures(operation, "invalid_request");
  const types = Object.keys(operation.requestBody?.content ?? {});
  if (types.length !== 1 || types[0] !== "application/json") return;
  addFailures(operation, "invalid_json", "invalid_request", "memory_exceeded", "unsupported_media_type");
}

function addFailures(operation: Operation, ...codes: ErrorCode[]): void {
  for (const code of codes) {
    const known = operation.responses[errorStatus[code]];
    if (known?.description.split(", ").includes(code)) continue;
    const description = known ? `${known.description}, ${code}` : code;
    operation.responses[errorStatus[code]] = { content: errorContent, ...known, description };
  }
}

/** Streams of events have no tag: what they will have said is not known. */
function makeConditional({ responses }: Operation): void {
  const ok = responses[200];
  if (!ok) return;
  ok.headers = { ...ok.headers, ...refer("etag") };
  responses[304] ??= { description: "Nothing has changed since the answer with this ETag." };
  responses[304].headers = refer("etag");
}
