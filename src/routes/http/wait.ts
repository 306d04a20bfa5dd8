import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Channel } from "../../db/listen.ts";
import { createBell } from "./bell.ts";
import type { Env, RouteContext } from "./env.ts";

/** What a proxy in between lets a request take. */
const longestWait = 60;

/** For the `headers` of a route that starts a job. */
export const preferHeader = z.object({
  prefer: z
    .string()
    .optional()
    .openapi({
      description: `wait=20: answer when the job ends (200), or after this many seconds with its current state (202); at most ${longestWait}.`,
      example: "wait=20",
    }),
});

/** Seconds that the caller is willing to wait, by RFC 7240; 0 without the preference or with one that makes no sense. */
function preferredWait(c: Context<Env>): number {
  const given = /(?:^|[,;\s])wait\s*=\s*"?(\d{1,6})"?(?=$|[,;\s])/i.exec(c.req.header("prefer") ?? "")?.[1];
  return Math.min(Number(given ?? 0), longestWait);
}

/** What watches a kind of job: what tells of its changes, and how it is read and shown. */
interface Watched<Row, Body> {
  readonly channel: Channel;
  readonly look: (id: string) => Promise<Row>;
  readonly ended: (row: Row) => boolean;
  readonly show: (row: Row) => Body;
}

/** What to answer about a job that has begun as `first`: as it is, or, where the caller prefers to wait, as it ends (200). */
export async function asPreferred<Row, Body extends { id: string }>(
  c: Context<Env>,
  services: RouteContext,
  first: Body,
  { channel, look, ended, show }: Watched<Row, Body>,
): Promise<[Body, 200 | 202]> {
  const seconds = preferredWait(c);
  const { id } = first;
  if (seconds === 0) return [first, 202];
  c.header("Preference-Applied", `wait=${seconds}`);
  const job = { channel, id, seconds, look: async () => look(id), ended };
  const row = await untilEnded(c.req.raw.signal, services, job);
  return [show(row), ended(row) ? 200 : 202];
}

/**
 * A job's row once it has ended, or as it is when the time is up, the client has gone or the process closes. Looks
 * whenever the database tells of a change, and now and then without.
 */
export async function untilEnded<Row>(
  signal: AbortSignal,
  { listener, closing, eventPollMs }: RouteContext,
  job: {
    channel: Channel;
    id: string;
    seconds: number;
    look: () => Promise<Row>;
    ended: (row: Row) => boolean;
  },
): Promise<Row> {
  const bell = createBell();
  const end = performance.now() + job.seconds * 1000;
  const unwatch = await listener.watch(job.channel, (id) => {
    if (id === null || id === job.id) bell.ring();
  });
  signal.addEventListener("abort", bell.ring);
  closing.addEventListener("abort", bell.ring);
  try {
    for (;;) {
      const row = await job.look();
      const left = end - performance.now();
      if (job.ended(row) || left <= 0 || signal.aborted || closing.aborted) return row;
      await bell.wait(Math.min(left, eventPollMs));
    }
  } finally {
    unwatch();
    signal.removeEventListener("abort", bell.ring);
    closing.removeEventListener("abort", bell.ring);
  }
}
