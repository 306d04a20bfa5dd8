import { readdirSync, readFileSync } from "node:fs";

const pageBytes = 4096;

/** Resident memory of a process and all below it, without Postgres, looked at twenty times a second (Linux). */
export class Rss {
  readonly #root: number;
  readonly #timer: NodeJS.Timeout;
  #peak: number | null = null;

  constructor(root: number) {
    this.#root = root;
    this.#timer = setInterval(() => this.now(), 50);
  }

  /** In bytes; null where the system does not tell. */
  now(): number | null {
    const processes = running();
    if (!processes) return null;
    const below = new Set([this.#root]);
    // A child's number may be smaller than its parent's, so until nothing is added.
    for (let before = 0; before < below.size;) {
      before = below.size;
      for (const { pid, parent, name } of processes)
        if (below.has(parent) && name !== "postgres") below.add(pid);
    }
    let bytes = 0;
    for (const { pid, rss } of processes) if (below.has(pid)) bytes += rss;
    this.#peak = Math.max(this.#peak ?? 0, bytes);
    return bytes;
  }

  /** The most that was seen, in bytes. */
  stop(): number | null {
    clearInterval(this.#timer);
    return this.#peak;
  }
}

function running(): { pid: number; parent: number; name: string; rss: number }[] | null {
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => processOf(pid));
  } catch {
    return null;
  }
}

/** /proc/PID/stat: the name in brackets, then the state, the parent's id, and as the 22nd field the resident pages. */
function processOf(pid: string): { pid: number; parent: number; name: string; rss: number }[] {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    // It has ended.
    return [];
  }
  const end = text.lastIndexOf(")");
  const fields = text.slice(end + 2).split(" ");
  const name = text.slice(text.indexOf("(") + 1, end);
  return [{ pid: Number(pid), parent: Number(fields[1]), name, rss: Number(fields[21]) * pageBytes }];
}
