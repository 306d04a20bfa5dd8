import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Load, type Measured, measure } from "../lib/load.ts";
import { writeCocoSet } from "../lib/coco/set.ts";
import { type FineTuneMeasured, type LocalServer, startLocalServer } from "../lib/coco/server.ts";
import { machine } from "../lib/report.ts";
import { runBench } from "../lib/run-bench.ts";
import { digits } from "../lib/statistics.ts";
import type { BesideOptions } from "./options.ts";

/** Enough that a fine-tune has something to embed, to search in and to train on while it is watched. */
const set = {
  images: 24,
  objects: 96,
  points: 24,
  width: 640,
  height: 480,
  radius: [20, 60],
  seed: 1,
} as const;

interface BesideReport {
  readonly bench: "beside";
  readonly cpu: string;
  readonly cores: number;
  readonly seconds: number;
  /** Before the fine-tune, while it trains, and after it. */
  readonly before: Measured;
  readonly beside: Measured;
  readonly after: Measured;
  /** By the mean of before and after. */
  readonly rate_ratio: number;
  readonly p50_ratio: number;
  readonly fine_tune: Pick<FineTuneMeasured, "status" | "seconds" | "said">;
}

export const main = (options: BesideOptions): Promise<number> =>
  runBench(options, (signal) => run(options, signal), tableOf);

async function run(options: BesideOptions, signal: AbortSignal): Promise<BesideReport> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-bench-beside-"));
  try {
    const coco = await writeCocoSet(join(folder, "set"), set);
    const server = await startLocalServer(folder);
    signal.addEventListener("abort", () => void server.stop());
    try {
      const { project } = await server.import(coco.zip, coco.zipBytes);
      return await watch(server, project, options);
    } finally {
      await server.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function watch(
  server: LocalServer,
  project: string,
  { clients, seconds, budget }: BesideOptions,
): Promise<BesideReport> {
  const load = await predictions(server, project);
  const loaded = (): Promise<Measured> => measure(load, clients, seconds);
  // The first prediction embeds the image, and the others decode their first prompts.
  await measure(load, 1, 5);
  await measure(load, clients, 3);
  const before = await loaded();
  const started = Promise.withResolvers<void>();
  const training = server.fineTune(project, { budget_seconds: budget }, (message) => {
    if (/^Searching for a recipe|^Training at most/.test(message)) started.resolve();
  });
  let isOver = false;
  const ends = training.finally(() => void (isOver = true));
  ends.then(() => started.resolve(), started.reject);
  await started.promise;
  const beside = await loaded();
  const wasAlone = isOver;
  const { status, seconds: took, said } = await training;
  if (wasAlone)
    throw new Error(`the fine-tune ended (${status}) before the load beside it: give it a longer --budget`);
  const after = await loaded();
  const mean = (of: "requests_per_second" | "p50_ms"): number => (before[of] + after[of]) / 2;
  return {
    bench: "beside",
    ...machine(),
    seconds,
    before,
    beside,
    after,
    rate_ratio: digits(beside.requests_per_second / mean("requests_per_second"), 3),
    p50_ratio: digits(beside.p50_ms / mean("p50_ms"), 3),
    fine_tune: { status, seconds: took, said },
  };
}

/** One box each on the first image, whose embedding is in memory after the first. */
async function predictions(server: LocalServer, project: string): Promise<Load> {
  const under = `/v1/projects/${project}`;
  const { data } = await server.ask(`${under}/images?limit=1`);
  const [image] = data as { id: string }[];
  const boxes = Array.from({ length: 8 }, (_, i) => [40 + 60 * i, 60 + 40 * i, 160 + 60 * i, 160 + 40 * i]);
  const bodies = boxes.map((box) =>
    JSON.stringify({ image: { id: image?.id }, prompts: [{ box }], version: "base" }),
  );
  return { url: server.url, key: server.key, method: "POST", path: `${under}/predict`, bodies };
}

function tableOf({ cpu, cores, before, beside, after, fine_tune: tune, ...ratios }: BesideReport): string {
  const rows = Object.entries({ before, "a fine-tune beside": beside, after }).map(
    ([what, row]) =>
      `| ${what} | ${row.requests_per_second.toFixed(1)} | ${row.p50_ms} | ${row.p99_ms} | ${row.errors} |`,
  );
  return [
    `beside: one box on a cached image, ${before.clients} clients; ${cpu}, ${cores} cores\n`,
    "| | a second | p50 ms | p99 ms | errors |\n|---|---|---|---|---|",
    ...rows,
    `\nrate ${ratios.rate_ratio}, p50 ${ratios.p50_ratio} of what there is without it`,
    `fine-tune: ${tune.status} in ${tune.seconds.toFixed(0)} s (${tune.said})\n`,
  ].join("\n");
}
