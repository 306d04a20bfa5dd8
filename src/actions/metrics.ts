import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { MemoryBudget } from "../lib/memory-budget.ts";

/** What /metrics tells: one registry for each app, so that two apps in one process don't share counts. */
export interface Metrics {
  readonly registry: Registry;
  readonly requests: Counter<"method" | "route" | "status">;
  readonly seconds: Histogram<"method" | "route">;
  readonly predictedMasks: Counter;
  readonly embeddings: Counter<"from">;
  readonly imagesStored: Counter;
  readonly fineTunesCreated: Counter;
  readonly eventStreams: Gauge;
}

export function createMetrics(memory?: MemoryBudget): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  if (memory) tellMemory(memory, registry);
  return {
    registry,
    requests: new Counter({
      name: "maskwright_http_requests_total",
      help: "Requests answered, by route pattern.",
      labelNames: ["method", "route", "status"],
      registers,
    }),
    seconds: new Histogram({
      name: "maskwright_http_request_duration_seconds",
      help: "Seconds until the answer's head.",
      labelNames: ["method", "route"],
      buckets: [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
      registers,
    }),
    predictedMasks: new Counter({
      name: "maskwright_predicted_masks_total",
      help: "Masks in prediction answers.",
      registers,
    }),
    embeddings: new Counter({
      name: "maskwright_prediction_embeddings_total",
      help: "Where predictions found their image embedding: memory, store or encoder.",
      labelNames: ["from"],
      registers,
    }),
    imagesStored: new Counter({
      name: "maskwright_images_stored_total",
      help: "Images stored by upload (imports not counted).",
      registers,
    }),
    fineTunesCreated: new Counter({
      name: "maskwright_fine_tunes_created_total",
      help: "Fine-tunes created over the API.",
      registers,
    }),
    eventStreams: new Gauge({
      name: "maskwright_event_streams",
      help: "Event streams open now.",
      registers,
    }),
  };
}

function tellMemory(memory: MemoryBudget, registry: Registry): void {
  const registers: Registry[] = [];
  registry.registerMetric(
    new Gauge({
      name: "maskwright_memory_budget_bytes",
      help: "Memory that requests and jobs asked for: held now, and in all.",
      labelNames: ["of"],
      registers,
      collect() {
        this.set({ of: "held" }, memory.used);
        this.set({ of: "total" }, memory.total);
      },
    }),
  );
  registry.registerMetric(
    new Gauge({
      name: "maskwright_memory_waiting",
      help: "Requests and jobs that wait for memory.",
      registers,
      collect() {
        this.set(memory.waiting);
      },
    }),
  );
}
