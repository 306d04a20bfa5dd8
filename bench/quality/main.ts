import { loadavg } from "node:os";
import { basename } from "node:path";
import { hyperparametersSchema } from "../../src/domain/hyperparameters.ts";
import { Releases } from "../../src/lib/releases.ts";
import type { PreparedData } from "../../src/training/data/prepare.ts";
import { type Done, gridReport, rowsOf } from "./compare.ts";
import { zipOf } from "../lib/product/data-zip.ts";
import { runGrid } from "./grid.ts";
import { type KeptBack, keepBack } from "./kept-back.ts";
import type { JobName, QualityOptions } from "./options.ts";
import { Product } from "../lib/product/product.ts";
import { Progress } from "../lib/product/progress.ts";
import { type QualityReport, tableOf } from "./report.ts";
import { runBench } from "../lib/run-bench.ts";
import { machine } from "../lib/report.ts";

/** `npm run bench -- quality ...`: the report on stdout, progress on stderr. Returns the exit code. */
export const main = (options: QualityOptions): Promise<number> =>
  runBench(options, (signal) => run(options, signal), tableOf);

/** How good the product's fine-tunes are on a folder of data, beside the untuned base and the grid. */
export async function run(options: QualityOptions, signal: AbortSignal): Promise<QualityReport> {
  const releases = new Releases();
  const progress = new Progress();
  releases.add("the progress bars", () => progress.end());
  const loadBefore = loadavg()[0] ?? 0;
  try {
    const product = await Product.open({ ...options, releases, progress, signal });
    const all = await zipOf(options, releases);
    const count = options.keepBack;
    const kept = count === undefined ? null : await keptBack(product, all.zip, { options, count, releases });
    const { zip, files } = kept ? await zipOf(options, releases, kept.isGiven) : all;

    const scope = await product.newProject("the data", zip, releases);
    const data = await product.prepare(scope, options.seed);
    progress.say(`${basename(options.data)}: ${data.images} images, ${files.chosen} masks`);
    const embedding = await product.embed(data);

    const { jobs, notes } = jobsOf(options);
    const done: Done[] = [];
    for (const { name, hyperparameters } of jobs) {
      signal.throwIfAborted();
      // A project each, so that no run is judged by another's version.
      const own = await product.newProject(name, zip, releases);
      const tuned = await product.fineTune(own, { name, hyperparameters, seed: options.seed });
      const ownData = await product.prepare(own, options.seed);
      const { base, asJudged } = await product.scoreAll(ownData, tuned.version);
      const test = { base, tuned: asJudged };
      done.push({ name, data: ownData, tuned, test, keptBack: (await kept?.judge(tuned)) ?? null });
    }
    const grid = options.grid
      ? await runGrid(options.grid, {
          data,
          store: product.trainer.store,
          workspaceId: scope.workspaceId,
          seed: options.seed,
          progress,
          signal,
        })
      : null;
    if (typeof grid === "string") notes.push(`no grid: ${grid}`);
    const auto = done.find(({ name }) => name === "auto");
    const judged = auto?.tuned.version.metrics.perAnnotation.length ?? data.heldOut.length;
    if (judged < data.heldOut.length)
      notes.push(
        `auto looks closer, and its budget encodes ${judged} of the ${data.heldOut.length} test annotations for its gate; what is given here is on all, those encoded after it`,
      );
    const engine = done[0]?.tuned.version.engine ?? options.engine;
    return {
      bench: "quality",
      data: basename(options.data),
      ...machine(),
      load: [loadBefore, loadavg()[0] ?? 0],
      engine,
      seed: options.seed,
      budget_seconds: options.budget ?? null,
      annotations: { in_folder: files.masks, used: files.chosen },
      split: splitOf(data),
      embedding,
      rows: rowsOf(done),
      notes,
      grid:
        grid && typeof grid !== "string"
          ? gridReport(grid, { epochs: options.grid?.epochs ?? 0, data, auto })
          : null,
    };
  } finally {
    await releases.release();
  }
}

/** What is kept back of the data in that zip, all of it. */
async function keptBack(
  product: Product,
  zip: { path: string; bytes: number },
  rest: Parameters<typeof keepBack>[2],
): Promise<KeptBack> {
  const scope = await product.newProject("all of the data", zip, rest.releases);
  return keepBack(product, await product.prepare(scope, rest.options.seed), rest);
}

/** The fine-tunes to run, as this build's API takes them. */
function jobsOf(options: QualityOptions): {
  jobs: { name: JobName; hyperparameters: Record<string, unknown> }[];
  notes: string[];
} {
  const takes = (value: Record<string, unknown>): boolean => hyperparametersSchema.safeParse(value).success;
  const notes: string[] = [];
  let auto: Record<string, unknown> = {};
  if (options.budget !== undefined) {
    const budget = { budget_seconds: options.budget };
    if (takes(budget)) auto = budget;
    else notes.push("--budget did nothing: this build's fine-tunes take no time budget");
  }
  const all = { tutorial: { recipe: "tutorial" }, auto, best: { ...auto, serving: "best" } };
  const asked: { name: JobName; hyperparameters: Record<string, unknown> }[] = options.recipes.map(
    (name) => ({ name, hyperparameters: all[name] }),
  );
  if (options.given) asked.push({ name: "given", hyperparameters: options.given });
  const jobs = asked.filter(({ name, hyperparameters }) => {
    if (takes(hyperparameters)) return true;
    notes.push(`${name} is left out: this build's fine-tunes do not know ${JSON.stringify(hyperparameters)}`);
    return false;
  });
  return { jobs, notes };
}

function splitOf(data: PreparedData): QualityReport["split"] {
  const { train, selection, heldOut } = data.counts;
  return {
    images: { train, selection, test: heldOut },
    annotations: {
      train: data.train.length,
      selection: data.selection.length,
      test: data.heldOut.length,
    },
    test_groups: new Set(data.heldOut.map(({ image }) => data.groupOf(image))).size,
  };
}
