import { cpus } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { digits, median } from "./statistics.ts";

export interface Row {
  readonly what: string;
  /** Medians, milliseconds. */
  readonly ours_ms: number;
  readonly peer_ms: number | null;
  /** Ours by the peer's: the median of the rounds' own ratios. */
  readonly ratio: number | null;
}

export interface Report {
  readonly bench: string;
  readonly unit: string;
  readonly cpu: string;
  readonly cores: number;
  readonly threads: number;
  readonly rounds: number;
  readonly ours: string;
  readonly peer: string | null;
  /** Why there is no peer, when there is none. */
  readonly note?: string;
  readonly rows: readonly Row[];
}

export const machine = (): { cpu: string; cores: number } => ({
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
});

/** How long each takes, in milliseconds; the peer's is null where it is missing. */
export interface Contest {
  ours(): Promise<number>;
  peer: (() => Promise<number>) | null;
}

/**
 * Times both in turn, so that a busy machine is busy for both, after two runs each to warm up. The pause lets the
 * other's threads, which spin for a moment when their work is done, go to sleep.
 */
export async function interleave(what: string, rounds: number, contest: Contest, per = 1): Promise<Row> {
  const ours: number[] = [];
  const peer: number[] = [];
  for (let round = -2; round < rounds; round++) {
    const a = await contest.ours();
    await pause(50);
    const b = contest.peer ? await contest.peer() : Number.NaN;
    await pause(50);
    if (round < 0) continue;
    ours.push(a / per);
    peer.push(b / per);
  }
  const ratios = ours.map((time, i) => time / (peer[i] ?? Number.NaN));
  const there = contest.peer !== null;
  return {
    what,
    ours_ms: digits(median(ours), 1),
    peer_ms: there ? digits(median(peer), 1) : null,
    ratio: there ? digits(median(ratios), 3) : null,
  };
}

/** Milliseconds of one call. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** As one line of JSON, or as a table. */
export function printReport(report: Report, json: boolean): void {
  const out = (line: string): void => void process.stdout.write(`${line}\n`);
  if (json) return out(JSON.stringify(report));
  out(`${report.bench}: ${report.unit}, median of ${report.rounds} rounds`);
  out(`${report.cpu}, ${report.cores} cores; ${report.threads} threads each`);
  out(`ours: ${report.ours}`);
  out(`peer: ${report.peer ?? `none (${report.note ?? "not found"})`}\n`);
  out("| | ours | peer | ratio |\n|---|---|---|---|");
  for (const { what, ours_ms, peer_ms, ratio } of report.rows)
    out(`| ${what} | ${ours_ms.toFixed(1)} | ${peer_ms?.toFixed(1) ?? "-"} | ${ratio?.toFixed(3) ?? "-"} |`);
}
