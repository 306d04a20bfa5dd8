import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Answer, Kind } from "./types.ts";

/** What the service promises of every request (docs/reliability.md). */
export const bounds = { silentMs: 250, aboveRestBytes: 600e6 } as const;

/** One row, sent by itself or eight times at once. */
export interface Run {
  readonly kind: Kind | "quota";
  readonly name: string;
  readonly atOnce: number;
  readonly answers: readonly Answer[];
  readonly silentMs: number;
  readonly aboveRestBytes: number;
  readonly service: "lives" | "gone";
  readonly faults: readonly string[];
}

/** A quota's row: what was tried, and what it came to. */
export interface QuotaRun {
  readonly name: string;
  readonly answer: string;
  readonly stored: string;
  readonly told: string;
  readonly faults: readonly string[];
}

const runHead =
  "| request | at once | answer | `/healthz` silent for | peak RSS above rest | service |\n|---|---|---|---|---|---|";
const quotaHead = "| what was tried | answer | stored | `usage` says |\n|---|---|---|---|";

export const runLine = (run: Run): string =>
  `| ${run.name} | ${run.atOnce} | ${answersText(run.answers)} | ${msText(run.silentMs)} | ${Math.round(run.aboveRestBytes / 1e6)} MB | ${run.service}${run.faults.length > 0 ? " **!**" : ""} |`;

export const quotaLine = (run: QuotaRun): string =>
  `| ${run.name} | ${run.answer} | ${run.stored} | ${run.told}${run.faults.length > 0 ? " **!**" : ""} |`;

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

export const runTable = (runs: readonly Run[]): string => [runHead, ...runs.map(runLine)].join("\n");
export const quotaTable = (runs: readonly QuotaRun[]): string =>
  [quotaHead, ...runs.map(quotaLine)].join("\n");

/** Puts the tables into docs/reliability.md, between their marks. Throws an Error where a mark is missing. */
export async function writeTables(runs: readonly Run[], quotas: readonly QuotaRun[]): Promise<void> {
  const file = join(import.meta.dirname, "../../docs/reliability.md");
  let text = await readFile(file, "utf8");
  for (const [mark, table] of [
    ["requests", runTable(runs)],
    ["quotas", quotaTable(quotas)],
  ] as const) {
    const [begin, end] = [`<!-- ${mark}: begin -->`, `<!-- ${mark}: end -->`];
    const [from, to] = [text.indexOf(begin), text.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`${file} lacks ${begin} or ${end}`);
    text = `${text.slice(0, from + begin.length)}\n\n${table}\n\n${text.slice(to)}`;
  }
  await writeFile(file, text);
}
