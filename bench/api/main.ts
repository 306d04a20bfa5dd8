import { openBare } from "./bare.ts";
import type { Bareness } from "./bare-worker.ts";
import { type Load, type Measured, measure } from "../lib/load.ts";
import type { ApiOptions } from "./options.ts";
import { type Page, openWorld, type World } from "../lib/world.ts";
import { machine } from "../lib/report.ts";
import { digits, median } from "../lib/statistics.ts";
import { smallHead } from "../lib/versions/kinds.ts";
import { storeVersion } from "../lib/versions/store.ts";

interface ApiRow extends Measured {
  readonly what: string;
  /** Rate of a prediction by the bare decoder's, measured before and after it; the median of the rounds'. */
  readonly ratio: number | null;
  /** The same by the decoder that writes its masks too, as Meta's predictor does. */
  readonly ratio_with_masks: number | null;
  /** Rate of a prediction by a version with a point head by that of the base's predictions in the same rounds. */
  readonly ratio_to_base: number | null;
  /** The same by the decoder that is spared what it makes of the image alone, as the server's is. */
  readonly ratio_with_prefix: number | null;
}

interface ApiReport {
  readonly bench: "api";
  readonly cpu: string;
  readonly cores: number;
  readonly threads: number;
  readonly workers: number;
  readonly rounds: number;
  readonly seconds: number;
  /** Prompts a second of the decoder's graph alone. */
  readonly bare_per_second: number;
  /** The same with masks at the image's size, as run lengths. */
  readonly bare_with_masks_per_second: number;
  /** The graph alone with its prefix made before, and one mask: what the server runs for a prompt. */
  readonly bare_with_prefix_per_second: number;
  readonly rows: readonly ApiRow[];
}

export async function main(options: ApiOptions): Promise<number> {
  const { threads, workers, rounds, seconds, prof } = options;
  const nodeOptions = prof === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${prof}`];
  const world = await openWorld({ ...options, nodeOptions });
  try {
    const measured = await measureAll(world, options);
    const report: ApiReport = { bench: "api", ...machine(), threads, workers, rounds, seconds, ...measured };
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else print(report);
  } finally {
    await world.close();
  }
  return 0;
}

const clients = [1, 8, 64] as const;

async function measureAll(
  world: World,
  { rounds, seconds, threads, workers, only }: ApiOptions,
): Promise<Pick<ApiReport, (keyof ApiReport & `bare_${string}`) | "rows">> {
  const [page] = world.pages as [Page];
  const size = [page.height, page.width] as const;
  const bare = openBare(workers, {
    threads,
    embedding: await world.embedding(),
    size,
    boxes: page.boxes,
  });
  const samples = new Map<string, Sample[]>();
  const note = (what: string, sample: Sample): void => {
    const name = `${what} ${sample.measured.clients}`;
    samples.set(name, [...(samples.get(name) ?? []), sample]);
  };
  const bares: Rates[] = [];
  const rates = async (): Promise<Rates> => ({
    graph: await bare.rate(seconds / 4, "graph"),
    masks: await bare.rate(seconds / 4, "masks"),
    prefix: await bare.rate(seconds / 4, "prefix"),
  });
  try {
    await bare.rate(1, "masks");
    const head = await storeVersion(world.call, `/v1/projects/${world.project}`, {
      zoom: null,
      refine: smallHead(),
    });
    const chosen = loads(world, head).filter(({ what }) => only.length === 0 || only.includes(what));
    for (const { load } of chosen) await measure(load, 8, 1);
    for (let round = 0; round < rounds; round++) {
      let before = await rates();
      for (const { what, load, decodes } of chosen) {
        for (const count of clients) {
          const measured = await measure(load, count, seconds);
          if (!decodes) {
            note(what, { measured, ratios: null });
            continue;
          }
          // A round that ends leaves requests in the server's line, which the bare decoder would share the cores with.
          await measure(load, 1, 1);
          const after = await rates();
          const by = (of: Bareness): number => measured.requests_per_second / ((before[of] + after[of]) / 2);
          note(what, { measured, ratios: { graph: by("graph"), masks: by("masks"), prefix: by("prefix") } });
          bares.push(before);
          before = after;
        }
      }
    }
  } finally {
    await bare.close();
  }
  const rows = [...samples].map(([name, rounds_]) => summary(name.split(" ")[0] as string, rounds_));
  const base = new Map(rows.flatMap((row) => (row.what === "predict" ? [[row.clients, row]] : [])));
  return {
    bare_per_second: digits(median(bares.map(({ graph }) => graph)), 1),
    bare_with_masks_per_second: digits(median(bares.map(({ masks }) => masks)), 1),
    bare_with_prefix_per_second: digits(median(bares.map(({ prefix }) => prefix)), 1),
    rows: rows.map((row) => ({ ...row, ratio_to_base: toBase(row, base.get(row.clients)) })),
  };
}

const toBase = (row: ApiRow, base: ApiRow | undefined): number | null =>
  row.what === "predict-head" && base ? digits(row.requests_per_second / base.requests_per_second, 3) : null;

/** Rates of the bare decoder, prompts a second. */
type Rates = Readonly<Record<Bareness, number>>;

/** One measurement under load, and its rate by the bare decoder's. */
interface Sample {
  readonly measured: Measured;
  readonly ratios: Rates | null;
}

/** What the clients send; a prediction is one box on an image whose embedding is in memory. */
function loads(
  { url, key, project, pages }: World,
  head: number,
): { what: string; load: Load; decodes: boolean }[] {
  const base = { url, key };
  const one = pages[0] as Page;
  const predict = (page: Page, version: number | "base" = "base"): string[] =>
    page.boxes.map((box) => JSON.stringify({ image: { id: page.id }, prompts: [{ box }], version }));
  const post = (path: string, bodies: string[]): Load => ({ ...base, method: "POST", path, bodies });
  const under = `/v1/projects/${project}`;
  const annotation = JSON.stringify({ image_id: one.id, mask: one.mask });
  return [
    { what: "predict", load: post(`${under}/predict`, predict(one)), decodes: true },
    { what: "predict-head", load: post(`${under}/predict`, predict(one, head)), decodes: true },
    {
      what: "predict-many",
      load: post(
        `${under}/predict`,
        pages.flatMap((page) => predict(page)),
      ),
      decodes: true,
    },
    {
      what: "list",
      load: { ...base, method: "GET", path: `${under}/images?limit=20`, bodies: [""] },
      decodes: false,
    },
    { what: "create", load: post(`${under}/annotations`, [annotation]), decodes: false },
  ];
}

function summary(what: string, rounds: readonly Sample[]): ApiRow {
  const of = (pick: (one: Measured) => number): number =>
    median(rounds.map(({ measured }) => pick(measured)));
  const ratioOf = (bareness: Bareness): number | null => {
    const ratios = rounds.flatMap((one) => one.ratios?.[bareness] ?? []);
    return ratios.length === 0 ? null : digits(median(ratios), 3);
  };
  return {
    what,
    clients: rounds[0]?.measured.clients ?? 0,
    requests_per_second: digits(
      of((one) => one.requests_per_second),
      1,
    ),
    p50_ms: of((one) => one.p50_ms),
    p99_ms: of((one) => one.p99_ms),
    errors: rounds.reduce((sum, { measured }) => sum + measured.errors, 0),
    fairness: Math.min(...rounds.map(({ measured }) => measured.fairness)),
    ratio: ratioOf("graph"),
    ratio_with_masks: ratioOf("masks"),
    ratio_with_prefix: ratioOf("prefix"),
    ratio_to_base: null,
  };
}

function print(report: ApiReport): void {
  const out = (line: string): void => void process.stdout.write(`${line}\n`);
  out(
    `api: ${report.cpu}, ${report.cores} cores; ${report.workers} x ${report.threads} threads, median of ${report.rounds} rounds`,
  );
  out(`the bare decoder: ${report.bare_per_second} prompts a second`);
  out(`the same with masks at the image's size: ${report.bare_with_masks_per_second}`);
  out(`with its prefix kept and one mask, as the server runs it: ${report.bare_with_prefix_per_second}\n`);
  out(
    "| | clients | a second | of the bare decoder | with masks | with its prefix kept | of the base | p50 ms | p99 ms | errors | least / most |",
  );
  out("|---|---|---|---|---|---|---|---|---|---|---|");
  for (const row of report.rows) {
    const { what, clients: count, requests_per_second: rate, p50_ms, p99_ms, errors, fairness } = row;
    const ratios = `${row.ratio ?? "-"} | ${row.ratio_with_masks ?? "-"} | ${row.ratio_with_prefix ?? "-"} | ${row.ratio_to_base ?? "-"}`;
    out(`| ${what} | ${count} | ${rate} | ${ratios} | ${p50_ms} | ${p99_ms} | ${errors} | ${fairness} |`);
  }
}
