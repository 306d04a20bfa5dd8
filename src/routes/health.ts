import { createRoute, z } from "@hono/zod-openapi";
import { sql } from "../db/drizzle.ts";
import { countOpenFineTunes } from "../db/queries/fine-tunes.ts";
import { lastScrub } from "../db/queries/scrubs.ts";
import { countTrainersWanted } from "../db/queries/waiting.ts";
import { AppError } from "../lib/errors.ts";
import { Gauge } from "prom-client";
import { createRouter } from "./http/router.ts";
import type { RouteContext } from "./http/env.ts";
import { errorBody } from "./http/errors.ts";
import { json } from "./http/scope.ts";

const open = { tags: ["health"], security: [] };
const checkTimeoutMs = 3000;

const healthz = createRoute({
  ...open,
  method: "get",
  path: "/healthz",
  summary: "Check that the process is alive",
  responses: { 200: json(z.object({ status: z.literal("ok") }), "It does.") },
});

const readyz = createRoute({
  ...open,
  method: "get",
  path: "/readyz",
  summary: "Check that the database and the object store respond",
  responses: {
    200: json(z.object({ status: z.literal("ready") }), "They do."),
    503: json(errorBody, "unavailable; `param` names the part that does not respond."),
  },
});

const metricsPage = createRoute({
  ...open,
  method: "get",
  path: "/metrics",
  summary: "Get metrics in Prometheus text format",
  responses: { 200: { description: "Metrics.", content: { "text/plain": { schema: z.string() } } } },
});

export function healthRoutes({ db, store, log, metrics }: RouteContext) {
  const router = createRouter();

  const openFineTunes = new Gauge({
    name: "maskwright_fine_tunes_open",
    help: "Fine-tunes that have not ended, by status.",
    labelNames: ["status"],
    registers: [metrics.registry],
    async collect() {
      this.reset();
      for (const { status, n } of await countOpenFineTunes(db)) this.set({ status }, n);
    },
  });

  const trainersWanted = new Gauge({
    name: "maskwright_trainers_wanted",
    help: "Projects with a fine-tune, an import, a preview or an auto-label that has not ended: trainers that there is work for.",
    registers: [metrics.registry],
    async collect() {
      this.set(await countTrainersWanted(db));
    },
  });

  const scrubEnded = new Gauge({
    name: "maskwright_scrub_ended_seconds",
    help: "When the last scrub of all stored objects came to its end, in Unix time; 0 before the first.",
    registers: [metrics.registry],
    async collect() {
      this.set(Math.floor(((await lastScrub(db))?.endedAt.getTime() ?? 0) / 1000));
    },
  });

  const objectsLost = new Gauge({
    name: "maskwright_objects_lost",
    help: "Images and weights that the last scrub found missing or damaged.",
    registers: [metrics.registry],
    async collect() {
      this.set((await lastScrub(db))?.lost ?? 0);
    },
  });
  const fromDatabase = {
    maskwright_fine_tunes_open: openFineTunes,
    maskwright_trainers_wanted: trainersWanted,
    maskwright_scrub_ended_seconds: scrubEnded,
    maskwright_objects_lost: objectsLost,
  };

  /** Throws AppError unavailable with the check's name; why stands in the log. */
  const check = async (name: string, run: () => Promise<unknown>): Promise<void> => {
    const late = AbortSignal.timeout(checkTimeoutMs);
    const timeout = new Promise<never>((_resolve, reject) => {
      late.addEventListener("abort", () => reject(new Error(`no answer in ${checkTimeoutMs} ms`)));
    });
    try {
      await Promise.race([run(), timeout]);
    } catch (error) {
      log.warn({ check: name, error }, "not ready");
      throw new AppError("unavailable", name, { param: name, cause: error });
    }
  };

  router.openapi(healthz, (c) => c.json({ status: "ok" as const }, 200));

  router.openapi(readyz, async (c) => {
    await check("database", () => db.execute(sql`select 1`));
    await check("object_store", () => store.check());
    return c.json({ status: "ready" as const }, 200);
  });

  router.openapi(metricsPage, async (c) => {
    // Without the database the other numbers are still worth having.
    const text = await metrics.registry.metrics().catch(async (error: unknown) => {
      log.warn({ error }, "what the database counts can't be told");
      for (const name of Object.keys(fromDatabase)) metrics.registry.removeSingleMetric(name);
      const rest = await metrics.registry.metrics();
      for (const gauge of Object.values(fromDatabase)) metrics.registry.registerMetric(gauge);
      return rest;
    });
    c.header("Content-Type", metrics.registry.contentType);
    return c.text(text, 200);
  });

  return router;
}
