/**
 * Asks `/healthz` every 50 ms and adds up the memory of a process and all below it, in a process of its own: what
 * keeps the harness busy delays no ask. Spoken to over IPC.
 */
import { readdirSync, readFileSync } from "node:fs";
import { Agent, get } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import type { Watched } from "./types.ts";

export type Order =
  | { readonly do: "watch"; readonly url: string; readonly pid: number; readonly leaveOut: string | null }
  | { readonly do: "rest" | "begin" | "end" };
/** `rest` answers with the mean of the last second, in bytes. */
export type Told = { readonly rest: number } | { readonly watched: Watched };

const every = 50;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let service: { url: string; pid: number; leaveOut: string | null } | null = null;
const nothing = { silentMs: 0, lateMs: 0, asked: 0, refused: 0, peakBytes: 0, parts: {} } as const;
let seen: { -readonly [Field in keyof Watched]: Watched[Field] } = { ...nothing };
let askedAt: number | null = null;
const samples: number[] = [];

const tell = (message: Told): void => void process.send?.(message);

process.on("message", (order: Order) => {
  if (order.do === "watch") {
    service = order;
    samples.length = 0;
  }
  if (order.do === "rest")
    tell({ rest: samples.reduce((sum, bytes) => sum + bytes, 0) / Math.max(1, samples.length) });
  if (order.do === "begin") seen = { ...nothing };
  if (order.do === "end") {
    // One that is still out has been silent so far.
    if (askedAt !== null) seen.silentMs = Math.max(seen.silentMs, performance.now() - askedAt);
    tell({ watched: seen });
  }
});
process.on("disconnect", () => process.exit());

const ask = (url: string): Promise<boolean> =>
  new Promise((resolve) => {
    const request = get(`${url}/healthz`, { agent }, (answer) => {
      answer.resume();
      answer.once("end", () => resolve(answer.statusCode === 200));
      answer.once("error", () => resolve(false));
    });
    request.once("error", () => resolve(false));
  });

/** Each process's parent, by its id. */
function parents(): Map<number, number> {
  const found = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    // The command's name, in brackets, may hold anything.
    const parent = /^.*\) \S (\d+)/s.exec(stat)?.[1];
    if (parent !== undefined) found.set(Number(name), Number(parent));
  }
  return found;
}

/** Empty for a process that has just ended. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function treeOf(root: number): number[] {
  const all = [...parents()];
  const tree = [root];
  for (const pid of tree) tree.push(...all.filter(([, parent]) => parent === pid).map(([child]) => child));
  return tree;
}

/**
 * Bytes of RSS together, but for the program that is left out; what processes of a program share counts once: Postgres's
 * buffers, and the pages of their files. And by program, without what is shared.
 */
function memoryOf(
  pids: readonly number[],
  leaveOut: string | null,
): { bytes: number; parts: Record<string, number> } {
  let own = 0;
  let buffers = 0;
  const files = new Map<string, number>();
  const parts: Record<string, number> = {};
  for (const pid of pids) {
    const status = read(`/proc/${pid}/status`);
    const kilobytes = (field: string): number =>
      Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
    const [anonymous, mapped] = [kilobytes("RssAnon"), kilobytes("RssFile")];
    const program = programOf(pid);
    parts[program] = (parts[program] ?? 0) + (anonymous + mapped) * 1024;
    buffers = Math.max(buffers, kilobytes("RssShmem"));
    if (program === leaveOut) continue;
    own += anonymous;
    files.set(program, Math.max(files.get(program) ?? 0, mapped));
  }
  for (const mapped of files.values()) own += mapped;
  return { bytes: (own + buffers) * 1024, parts };
}

/** `local.ts`, `local-trainer.ts`, `entry.ts` of what reads others' files, `postgres`. */
function programOf(pid: number): string {
  const words = read(`/proc/${pid}/cmdline`).split("\0");
  const script = words.find((word) => word.endsWith(".ts")) ?? words[0] ?? "";
  return script.startsWith("postgres") ? "postgres" : (script.split("/").at(-1) ?? "");
}

async function askOn(): Promise<never> {
  for (;;) {
    const { url } = service ?? {};
    const start = performance.now();
    if (url !== undefined) {
      askedAt = start;
      const answered = await ask(url);
      askedAt = null;
      seen.asked++;
      if (!answered) seen.refused++;
      seen.silentMs = Math.max(seen.silentMs, performance.now() - start);
    }
    const due = Math.max(performance.now(), start + every);
    await pause(due - performance.now());
    seen.lateMs = Math.max(seen.lateMs, performance.now() - due);
  }
}

async function weighOn(): Promise<never> {
  let tree: number[] = [];
  for (let turn = 0; ; turn++) {
    if (service !== null) {
      if (turn % 2 === 0) tree = treeOf(service.pid);
      const { bytes, parts } = memoryOf(tree, service.leaveOut);
      if (bytes > seen.peakBytes) Object.assign(seen, { peakBytes: bytes, parts });
      samples.push(bytes);
      if (samples.length > 1000 / every) samples.shift();
    }
    await pause(every);
  }
}

await Promise.all([askOn(), weighOn()]);
