import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

/** A service as `npm start` runs it. */
export interface Service {
  readonly url: string;
  readonly pid: number;
  readonly dataDir: string;
  alive(): boolean;
  /** SIGTERM, and SIGKILL for what is left of it after 20 seconds. */
  stop(): Promise<void>;
}

/** A folder that the postgres user may enter, as it has to where the harness runs as root. */
export async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-abuse-"));
  await chmod(folder, 0o755);
  return folder;
}

export const removeFolder = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true });

/** Copies a data folder with its owners, which Postgres looks at. */
export async function copyData(from: string, to: string): Promise<void> {
  await removeFolder(to);
  execFileSync("cp", ["-a", from, to]);
}

/** Starts src/main/local.ts on a data folder, with the settings of a user who sets none. Resolves when the API is up. */
export async function startService(
  dataDir: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Service> {
  await mkdir(dataDir, { recursive: true, mode: 0o755 });
  const file = join(import.meta.dirname, "../../src/main/local.ts");
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file], {
    env: { ...process.env, SHUTDOWN_SECONDS: "1", ...settings, DATA_DIR: dataDir, PORT: "0" },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const up = Promise.withResolvers<string>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    const url = /URL\s+(http\S+)/.exec(line)?.[1];
    if (url !== undefined) up.resolve(url);
  });
  child.once("exit", () =>
    up.reject(new Error(`the service ended before it was up: see ${join(dataDir, "maskwright.log")}`)),
  );
  return {
    url: await up.promise,
    pid: child.pid ?? 0,
    dataDir,
    alive: () => child.exitCode === null && child.signalCode === null,
    stop: () => stop(child),
  };
}

async function stop(child: ChildProcess): Promise<void> {
  const below = await descendants(child.pid ?? 0);
  if (child.exitCode === null && child.signalCode === null) {
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    if ((await Promise.race([gone, pause(20_000)])) === undefined) {
      child.kill("SIGKILL");
      await gone;
    }
  }
  // A service that was killed leaves its Postgres, and what it had started for others' files.
  for (const pid of below) if (await isSame(pid)) kill(pid.id);
}

interface Process {
  readonly id: number;
  readonly parent: number;
  /** In ticks since the machine's start: an id with another start is another process. */
  readonly started: string;
}

async function processOf(id: number): Promise<Process | null> {
  const stat = await readFile(`/proc/${id}/stat`, "utf8").catch(() => "");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.length < 20 ? null : { id, parent: Number(fields[1]), started: fields[19] as string };
}

async function descendants(root: number): Promise<Process[]> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const all = (await Promise.all(ids.map(processOf))).filter((one) => one !== null);
  const found = all.filter((one) => one.parent === root);
  for (const { id } of found) found.push(...all.filter((one) => one.parent === id));
  return found;
}

const isSame = async (one: Process): Promise<boolean> => (await processOf(one.id))?.started === one.started;

function kill(id: number): void {
  try {
    process.kill(id, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}
