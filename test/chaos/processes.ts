import { readdir, readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";

/** A process of this machine, by /proc. */
export interface Process {
  readonly id: number;
  readonly parent: number;
  /** In ticks since the machine's start: an id with another start is another process. */
  readonly started: string;
  /** A zombie has ended and waits for its parent. */
  readonly state: string;
  readonly command: string;
}

/** Null where it has ended. */
export async function processOf(id: number): Promise<Process | null> {
  const read = (name: string): Promise<string> => readFile(`/proc/${id}/${name}`, "utf8").catch(() => "");
  const [stat, command] = await Promise.all([read("stat"), read("cmdline")]);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = "", parent] = fields;
  if (fields.length < 20 || state === "Z") return null;
  return {
    id,
    parent: Number(parent),
    started: fields[19] as string,
    state,
    command: command.replaceAll("\0", " "),
  };
}

export async function allProcesses(): Promise<Process[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  return (await Promise.all(ids.map(processOf))).filter((one) => one !== null);
}

/** All below a process, the nearest first. */
export async function below(root: number): Promise<Process[]> {
  const all = await allProcesses();
  const found = all.filter((one) => one.parent === root);
  for (const { id } of found) found.push(...all.filter((one) => one.parent === id));
  return found;
}

/** Sends a signal to the process that was seen, and to no later one of its id. False where it has ended. */
export async function signal(one: Process, name: NodeJS.Signals): Promise<boolean> {
  if ((await processOf(one.id))?.started !== one.started) return false;
  try {
    return process.kill(one.id, name);
  } catch {
    return false;
  }
}

/** Seconds until it has ended; null where it has not within `seconds`. */
export async function untilGone(one: Process, seconds: number): Promise<number | null> {
  const start = performance.now();
  while ((await processOf(one.id))?.started === one.started) {
    if (performance.now() - start > seconds * 1000) return null;
    await pause(50);
  }
  return (performance.now() - start) / 1000;
}
