import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
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

const file = join(import.meta.dirname, "../../docs/reliability.md");

/** The tables of docs/reliability.md: what the runs so far came to, a row's last one each. */
export class Results {
  #text: string;
  /** Lines by their names, and by how many at once. */
  readonly #runs: Map<string, string>;
  readonly #quotas: Map<string, string>;

  private constructor(text: string) {
    this.#text = text;
    this.#runs = new Map(linesOf(text, "requests").map((line) => [cellsOf(line, 2), line]));
    this.#quotas = new Map(linesOf(text, "quotas").map((line) => [cellsOf(line, 1), line]));
  }

  /** Throws an Error where the document lacks a mark. */
  static async read(): Promise<Results> {
    return new Results(await readFile(file, "utf8"));
  }

  /** Whether a row's last run, or a quota's by its name, broke no promise. */
  isClean(of: Pick<Run, "name" | "atOnce"> | string): boolean {
    const line = typeof of === "string" ? this.#quotas.get(of) : this.#runs.get(placeOf(of));
    return line !== undefined && isClean(line);
  }

  keep(run: Run | QuotaRun): void {
    if ("atOnce" in run) this.#runs.set(placeOf(run), runLine(run));
    else this.#quotas.set(run.name, quotaLine(run));
  }

  /** Puts what was kept into the document, in the rows' order. */
  async write(rows: readonly Row[], quotaNames: readonly string[]): Promise<void> {
    const places = rows.flatMap((row) => countsOf(row).map((atOnce) => ({ ...row, atOnce })));
    const ran = places.flatMap((place) => this.#runs.get(placeOf(place)) ?? []);
    const missing = places.filter((place) => !this.#runs.has(placeOf(place)));
    const quotas = quotaNames.flatMap((name) => this.#quotas.get(name) ?? []);
    const clean = (lines: readonly string[]): number => lines.filter((line) => isClean(line)).length;
    const named = missing.filter(({ atOnce, times = 1 }) => atOnce === times).map(({ name }) => name);
    const told =
      `${places.length} runs of ${rows.length} rows, each by itself and most eight at once: ${ran.length} ran, ${clean(ran)} of them clean. ` +
      `Not run eight at once: ${missing.length - named.length}. Not run by itself: ${named.length === 0 ? "none" : named.join("; ")}.`;
    const quotasTold = `${quotaNames.length} rows: ${quotas.length} ran, ${clean(quotas)} of them clean.`;
    for (const [mark, table] of [
      ["requests", `${told}\n\n${runTable(ran)}`],
      ["quotas", `${quotasTold}\n\n${quotaTable(quotas)}`],
    ] as const) {
      const { from, to } = between(this.#text, mark);
      this.#text = `${this.#text.slice(0, from)}\n\n${table}\n\n${this.#text.slice(to)}`;
    }
    // Whoever stops the program midway keeps the document.
    await writeFile(`${file}.new`, this.#text);
    await rename(`${file}.new`, file);
  }
}

/** Where the text between a table's marks lies. */
function between(text: string, mark: string): { from: number; to: number } {
  const begin = `<!-- ${mark}: begin -->`;
  const [from, to] = [text.indexOf(begin), text.indexOf(`<!-- ${mark}: end -->`)];
  if (from < 0 || to < from) throw new Error(`${file} lacks the marks of ${mark}`);
  return { from: from + begin.length, to };
}

/** A table's lines, without its head. */
function linesOf(text: string, mark: string): string[] {
  const { from, to } = between(text, mark);
  const lines = text.slice(from, to).split("\n");
  return lines.filter((line) => line.startsWith("| ")).slice(1);
}

/** The first cells of a line. */
const cellsOf = (line: string, count: number): string =>
  line.split(" | ", count).join(" | ").replace(/^\| /, "");

const isClean = (line: string): boolean => !line.includes("**!**");

/** How many of a row's requests are sent at once: by itself, and eight times. */
export const countsOf = ({ times = 1, single = false }: Row): number[] =>
  single ? [times] : [...new Set([times, 8])];

const placeOf = ({ name, atOnce }: Pick<Run, "name" | "atOnce">): string => `${name} | ${atOnce}`;
