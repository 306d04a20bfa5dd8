import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import { channels } from "../db/listen.ts";
import { type FineTuneEvent, selectFineTuneEvents } from "../db/queries/fine-tune-events.ts";
import { getFineTune, hasEnded } from "../db/queries/fine-tunes.ts";
import { cut } from "../db/queries/page.ts";
import type { ProjectScope } from "../db/queries/scope.ts";
import { AppError } from "../lib/errors.ts";
import type { Log } from "../lib/log.ts";
import { createBell } from "./http/bell.ts";
import { failures } from "./http/errors.ts";
import { toFineTune } from "./wire/fine-tune.ts";
import { decodeCursor, pageBodyBy, pageOf, pageQuery } from "./http/pages.ts";
import { createRouter } from "./http/router.ts";
import type { Env, RouteContext } from "./http/env.ts";
import { fineTuneParams, iso, scopeOf, timeText } from "./http/scope.ts";

/** A comment goes out this often, so that proxies don't take the line for dead. */
const heartbeatMs = 15_000;
const batch = 100;

const eventSchema = z
  .object({
    id: z.string(),
    object: z.literal("fine_tune.event"),
    created_at: timeText,
    level: z.enum(["info", "warn", "error"]),
    type: z.enum(["message", "metrics"]),
    message: z.string(),
    data: z.record(z.string(), z.unknown()),
  })
  .openapi("FineTuneEvent");

const toEvent = (row: FineTuneEvent): z.output<typeof eventSchema> => ({
  id: String(row.id),
  object: "fine_tune.event",
  created_at: iso(row.createdAt),
  level: row.level,
  type: row.type,
  message: row.message,
  data: row.data,
});

const events = createRoute({
  method: "get",
  path: "/v1/projects/{project_id}/fine-tunes/{fine_tune_id}/events",
  tags: ["fine-tunes"],
  summary: "List a fine-tune's events, oldest first, or follow them live with Accept: text/event-stream",
  description:
    "Each event of the stream is named after the `object` in its data: `fine_tune.event`, whose id can be sent as `Last-Event-ID` to resume; `fine_tune.progress`, how far the job is and when it will be done, whenever that has changed; and at the end one `fine_tune`, the job as it ended; then it closes. A stream that closes before has reached its time limit: ask again with `Last-Event-ID`, as browsers do by themselves. Lines that begin with a colon are heartbeats.",
  request: {
    params: fineTuneParams,
    query: pageQuery,
    headers: z.object({
      accept: z.string().optional(),
      "last-event-id": z
        .string()
        .regex(/^\d{1,15}$/, "not an event's id")
        .optional(),
    }),
  },
  responses: {
    200: {
      description: "One page, or the stream.",
      content: {
        "application/json": { schema: pageOf(eventSchema) },
        "text/event-stream": { schema: { type: "string" } },
      },
    },
    ...failures("invalid_request", "fine_tune_not_found"),
  },
});

interface Watched {
  readonly scope: ProjectScope;
  readonly fineTuneId: string;
}

export function fineTuneEventRoutes(services: RouteContext) {
  const { db } = services;
  const router = createRouter();

  router.openapi(events, async (c) => {
    const params = c.req.valid("param");
    const query = c.req.valid("query");
    const headers = c.req.valid("header");
    const scope = scopeOf(c, params);
    const fineTuneId = (await getFineTune(db, scope, params.fine_tune_id)).id;
    const after = query.cursor === undefined ? 0 : decodeCursor(z.int().min(0), query.cursor);

    if (headers.accept?.includes("text/event-stream")) {
      const start = Math.max(after, Number(headers["last-event-id"] ?? 0));
      return streamed(c, services, { scope, fineTuneId }, start);
    }
    const { workspaceId } = scope;
    const limit = query.limit + 1;
    const page = cut(await selectFineTuneEvents(db, { workspaceId, fineTuneId, after, limit }), query.limit);
    return c.json(
      pageBodyBy(page, toEvent, (last) => last.id),
      200,
    );
  });

  return router;
}

function streamed(c: Context<Env>, services: RouteContext, watched: Watched, start: number): Response {
  const log = c.get("log");
  const { eventStreams } = services.metrics;
  // Buffering proxies (nginx) would hold the events back.
  c.header("X-Accel-Buffering", "no");
  return streamSSE(c, async (stream) => {
    eventStreams.inc();
    try {
      await follow(services, stream, watched, start);
    } catch (error) {
      logEnd(log, error);
    } finally {
      eventStreams.dec();
    }
  });
}

/** Sends what is there and what comes, until the job has ended, the client has gone, time is up or the process closes. */
async function follow(
  { db, listener, closing, eventPollMs, eventStreamMs }: RouteContext,
  stream: SSEStreamingApi,
  { scope, fineTuneId }: Watched,
  start: number,
): Promise<void> {
  const bell = createBell();
  const ringFor = (id: string | null): void => {
    if (id === null || id === fineTuneId) bell.ring();
  };
  const stops: (() => void)[] = [];
  closing.addEventListener("abort", bell.ring);
  stream.onAbort(bell.ring);
  let after = start;
  let told = "";
  let lastSign = performance.now();
  const end = lastSign + eventStreamMs;
  try {
    stops.push(await listener.watch(channels.fineTuneEvents, ringFor));
    stops.push(await listener.watch(channels.fineTuneChanged, ringFor));
    while (!stream.aborted && !closing.aborted) {
      // The status first: once a job has ended it writes no more events, so those read next are all.
      const job = await getFineTune(db, scope, fineTuneId);
      const query = { workspaceId: scope.workspaceId, fineTuneId, after, limit: batch };
      const rows = await selectFineTuneEvents(db, query);
      for (const row of rows) {
        after = row.id;
        const event = toEvent(row);
        await stream.writeSSE({ event: event.object, id: event.id, data: JSON.stringify(event) });
      }
      if (rows.length > 0) lastSign = performance.now();
      if (rows.length === batch) continue;
      if (job.progress && JSON.stringify(job.progress) !== told) {
        told = JSON.stringify(job.progress);
        // Without an id: it is no event to go on from, only how far the job is.
        const { id, status, progress, estimated_finish } = toFineTune(job);
        const event = { object: "fine_tune.progress", id, status, progress, estimated_finish };
        await stream.writeSSE({ event: event.object, data: JSON.stringify(event) });
        lastSign = performance.now();
      }
      if (hasEnded(job.status)) {
        await stream.writeSSE({ event: "fine_tune", data: JSON.stringify(toFineTune(job)) });
        return;
      }
      // With no event lost: the client asks again, with the last id that it has.
      if (performance.now() >= end) return;
      if (performance.now() - lastSign >= heartbeatMs) {
        await stream.write(": still here\n\n");
        lastSign = performance.now();
      }
      await bell.wait(Math.min(eventPollMs, heartbeatMs, Math.max(0, end - performance.now())));
    }
  } finally {
    closing.removeEventListener("abort", bell.ring);
    for (const stop of stops) stop();
  }
}

/** The head is sent by now, so a stream that fails can only end; a job deleted meanwhile is no failure of ours. */
function logEnd(log: Log, error: unknown): void {
  if (error instanceof AppError && error.status < 500) log.info({ code: error.code }, "event stream ended");
  else log.error({ err: error }, "event stream failed");
}
