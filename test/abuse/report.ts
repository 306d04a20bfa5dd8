import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Answer, Kind, Row } from "./types.ts";

/** What the service promises of every request (docs/reliability.md). */
export const bounds = { silentMs: 250, aboveRestBytes: 600e6 } as const;

/** One row, sent by itself or eight times at once. */
export interface Run {
  readonly kind: Kind | "quota";
  readonly name: string;
  readonly atOnce: number;
  readonly answers: readonly Answer[];
  readonly silentMs: number;
  /** How late the watcher itself woke at most: what the machine does to a process that has nothing to do. */
  readonly lateMs: number;
  readonly aboveRestBytes: number;
  readonly service: "lives" | "gone";
  readonly faults: readonly string[];
  readonly seen: string;
  /** Runs until it was clean, or had a fault beside silence; 1 if left out. */
  readonly tries?: number;
}

/** A quota's row: what was tried, and what it came to. */
export interface QuotaRun {
  readonly name: string;
  readonly answer: string;
  readonly stored: string;
  readonly told: string;
  readonly faults: readonly string[];
  readonly seen: string;
}

/** When: `29 Nov 16:05`; UTC. */
export function seenNow(): string {
  const [, day, month, , time = ""] = new Date().toUTCString().split(" ");
  return `${Number(day)} ${month} ${time.slice(0, 5)}`;
}

const runHead =
  "| request | at once | answer | `/healthz` silent for | watcher late by | peak RSS above rest | service | seen |\n|---|---|---|---|---|---|---|---|";
const quotaHead = "| what was tried | answer | stored | `usage` says | seen |\n|---|---|---|---|---|";

export const runLine = (run: Run): string =>
  `| ${run.name} | ${run.atOnce} | ${answersText(run.answers)} | ${msText(run.silentMs)} | ${msText(run.lateMs)} | ${Math.round(run.aboveRestBytes / 1e6)} MB | ${run.service}${faultsText(run.faults)} | ${run.seen}${triesText(run.tries)} |`;

export const quotaLine = (run: QuotaRun): string =>
  `| ${run.name} | ${run.answer} | ${run.stored} | ${run.told}${faultsText(run.faults)} | ${run.seen} |`;

const triesText = (tries = 1): string => (tries === 1 ? "" : `, try ${tries}`);

/** Marks a broken promise; names those that no other column shows. */
const faultsText = (faults: readonly string[]): string =>
  faults.length === 0
    ? ""
    : [" **!**", ...faults.filter((fault) => /neighbour|healthz|job|not run/.test(fault))].join(" ");

const msText = (ms: number): string => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** `200`, `6 of 413 body_too_large, 2 lost`, each with its time. */
function answersText(answers: readonly Answer[]): string {
  const groups = new Map<string, Answer[]>();
  for (const answer of answers) {
    const { status, code, job } = answer;
    const name = [status ?? "none", code, job && `(${job})`].filter(Boolean).join(" ");
    groups.set(name, [...(groups.get(name) ?? []), answer]);
  }
  const texts = [...groups].map(([name, of]) => {
    const seconds = of.map((answer) => answer.seconds);
    const [least, most] = [Math.min(...seconds), Math.max(...seconds)];
    const time = most - least < 0.2 ? most.toFixed(1) : `${least.toFixed(1)} to ${most.toFixed(1)}`;
    return `${answers.length === 1 || groups.size === 1 ? "" : `${of.length} x `}${name} after ${time} s`;
  });
  return texts.join(", ");
}

export const runTable = (lines: readonly string[]): string => [runHead, ...lines].join("\n");
export const quotaTable = (lines: readonly string[]): string => [quotaHead, ...lines].join("\n");

/** What the runs so far came to, a row's last one each. */
export class Results {
  static readonly #file = join(import.meta.dirname, "../../bench/results/abuse.json");
  readonly #runs: Map<string, Run>;
  readonly #quotas: Map<string, QuotaRun>;

  private constructor(kept: { runs: Run[]; quotas: QuotaRun[] }) {
    this.#runs = new Map(kept.runs.map((run) => [placeOf(run), run]));
    this.#quotas = new Map(kept.quotas.map((run) => [run.name, run]));
  }

  static async read(): Promise<Results> {
    const text = await readFile(Results.#file, "utf8").catch(() => '{"runs":[],"quotas":[]}');
    return new Results(JSON.parse(text) as { runs: Run[]; quotas: QuotaRun[] });
  }

  /** Whether a row's last run, or a quota's by its name, broke no promise. */
  isClean(of: Pick<Run, "kind" | "name" | "atOnce"> | string): boolean {
    const run = typeof of === "string" ? this.#quotas.get(of) : this.#runs.get(placeOf(of));
    return run?.faults.length === 0;
  }

  async keep(run: Run | QuotaRun): Promise<void> {
    if ("atOnce" in run) this.#runs.set(placeOf(run), run);
    else this.#quotas.set(run.name, run);
    const kept = { runs: [...this.#runs.values()], quotas: [...this.#quotas.values()] };
    await mkdir(dirname(Results.#file), { recursive: true });
    await writeFile(Results.#file, `${JSON.stringify(kept, null, 1)}\n`);
  }

  /** Puts the tables into docs/reliability.md, between their marks. Throws an Error where a mark is missing. */
  async write(rows: readonly Row[], quotaNames: readonly string[]): Promise<void> {
    const places = rows.flatMap((row) => countsOf(row).map((atOnce) => ({ ...row, atOnce })));
    const ran = places.flatMap((place) => this.#runs.get(placeOf(place)) ?? []);
    const missing = places.filter((place) => !this.#runs.has(placeOf(place)));
    const quotas = quotaNames.flatMap((name) => this.#quotas.get(name) ?? []);
    const clean = (of: readonly (Run | QuotaRun)[]): number =>
      of.filter(({ faults }) => faults.length === 0).length;
    const named = missing.filter(({ atOnce, times = 1 }) => atOnce === times).map(({ name }) => name);
    const told =
      `${places.length} runs of ${rows.length} rows, each by itself and most eight at once: ${ran.length} ran, ${clean(ran)} of them clean. ` +
      `Not run eight at once: ${missing.length - named.length}. Not run by itself: ${named.length === 0 ? "none" : named.join("; ")}.`;
    const quotasTold = `${quotaNames.length} rows: ${quotas.length} ran, ${clean(quotas)} of them clean.`;
    const file = join(import.meta.dirname, "../../docs/reliability.md");
    let text = await readFile(file, "utf8");
    for (const [mark, table] of [
      ["requests", `${told}\n\n${runTable(ran.map(runLine))}`],
      ["quotas", `${quotasTold}\n\n${quotaTable(quotas.map(quotaLine))}`],
    ] as const) {
      const [begin, end] = [`<!-- ${mark}: begin -->`, `<!-- ${mark}: end -->`];
      const [from, to] = [text.indexOf(begin), text.indexOf(end)];
      if (from < 0 || to < from) throw new Error(`${file} lacks ${begin} or ${end}`);
      text = `${text.slice(0, from + begin.length)}\n\n${table}\n\n${text.slice(to)}`;
    }
    await writeFile(file, text);
  }
}

/** How many of a row's requests are sent at once: by itself, and eight times. */
export const countsOf = ({ times = 1, single = false }: Row): number[] =>
  single ? [times] : [...new Set([times, 8])];

const placeOf = ({ kind, name, atOnce }: Pick<Run, "kind" | "name" | "atOnce">): string =>
  `${kind}: ${name}: ${atOnce}`;
