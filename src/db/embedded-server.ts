import { execFileSync, spawn } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import postgres from "postgres";
import { messageOf } from "../lib/errors.ts";
import type { PostgresBinaries, RunAs } from "./embedded-binaries.ts";

/** A postmaster that may be running in a data folder, as its postmaster.pid says. */
export interface Postmaster {
  pid: number;
  port: number;
}

/**
 * Reads postmaster.pid; null when no Postgres runs here. A file that a crash left behind is removed when its
 * process id now belongs to something else (usual in containers, where ids start again), because Postgres
 * itself would refuse to start then.
 */
export async function findPostmaster(folder: string): Promise<Postmaster | null> {
  const file = join(folder, "postmaster.pid");
  const lines = (await readFile(file, "utf8").catch(() => "")).split("\n");
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  if (!Number.isInteger(pid) || pid <= 0) return null;
  if (isPostgres(pid)) return { pid, port };
  await rm(file, { force: true });
  return null;
}

/** Whether this process id is that of a running Postgres; one that has ended and waits to be collected is not. */
export function isPostgres(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  try {
    if (process.platform === "linux")
      return /^\d+ \(postgres\) [^ZX]/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
    if (process.platform === "win32") return list("tasklist", ["/FI", `PID eq ${pid}`]).includes("postgres");
    return list("ps", ["-p", String(pid), "-o", "stat=,comm="]).match(/^[^Z].*postgres/) !== null;
  } catch {
    return false;
  }
}

const list = (program: string, args: string[]): string =>
  execFileSync(program, args, { encoding: "utf8" }).trim();

/** What became of a start: it runs, or why not. */
export type Started =
  | { pid: number }
  | { failed: "port taken" | "already running" | "other"; output: string };

/**
 * Starts Postgres on a port of 127.0.0.1, without Unix sockets, and waits until it takes connections.
 * It leads a process group of its own, so that Ctrl-C reaches us and not it, and writes to a file, because a
 * pipe would break when we are killed and it lives on.
 */
export async function spawnPostmaster(options: {
  binaries: PostgresBinaries;
  runAs: RunAs;
  folder: string;
  logFile: string;
  url: string;
  settings: Record<string, string>;
  /** Aborted, it is waited for no more, and told to end. */
  signal?: AbortSignal;
}): Promise<Started> {
  const fixed = {
    port: new URL(options.url).port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: "200",
    // After a crash Postgres syncs its files one by one, a thousand of them: back after .6 s by this, and 2.2 to 6.4 s without.
    ...(process.platform === "linux" && { recovery_init_sync_method: "syncfs" }),
  };
  const args = Object.entries({ ...fixed, ...options.settings }).flatMap(([key, value]) => [
    "-c",
    `${key}=${value}`,
  ]);
  const fd = openSync(options.logFile, "w", 0o600);
  const child = spawn(options.binaries.postgres, ["-D", options.folder, ...args], {
    ...options.runAs,
    cwd: options.folder,
    detached: true,
    stdio: ["ignore", fd, fd],
    env: plainEnvironment,
  });
  closeSync(fd);
  child.unref();
  const exit = Promise.withResolvers<"exit">();
  const gone = new AbortController();
  child.once("error", (error) => (gone.abort(error), exit.resolve("exit")));
  child.once("exit", () => (gone.abort(new Error("Postgres ended")), exit.resolve("exit")));
  const waiting = AbortSignal.any([gone.signal, ...(options.signal ? [options.signal] : [])]);
  const ready = await Promise.race([waitUntilReady(options.url, waiting), exit.promise]).catch(
    () => "exit" as const,
  );
  if (ready !== "exit" && child.pid !== undefined) return { pid: child.pid };
  if (options.signal?.aborted) child.kill("SIGINT");
  const output = (await readFile(options.logFile, "utf8").catch(() => ""))
    .trim()
    .split("\n")
    .slice(-12)
    .join("\n");
  if (/could not bind|Address already in use/i.test(output)) return { failed: "port taken", output };
  if (output.includes('lock file "postmaster.pid" already exists'))
    return { failed: "already running", output };
  return { failed: "other", output: output || messageOf(gone.signal.reason) };
}

/** Nothing of the caller's environment: PG… variables of a shell would change what the programs do. */
export const plainEnvironment = { LC_ALL: "C", TZ: "UTC" };

/** Connects again and again while Postgres starts or recovers (57P03), for at most a minute. */
export async function waitUntilReady(url: string, signal?: AbortSignal): Promise<void> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    signal?.throwIfAborted();
    const sql = postgres(url, { max: 1, connect_timeout: 5, fetch_types: false, onnotice: () => {} });
    try {
      await sql`select 1`;
      return;
    } catch (error) {
      const code = (error as { code?: string }).code ?? "";
      const starting = [
        "57P03",
        "ECONNREFUSED",
        "ECONNRESET",
        "CONNECTION_CLOSED",
        "CONNECT_TIMEOUT",
      ].includes(code);
      if (!starting || performance.now() > deadline) throw error;
    } finally {
      await sql.end({ timeout: 1 });
    }
    await pause(25);
  }
}

/** A fast shutdown that takes longer is given up. */
const patienceMs = 4000;

/** Ends connections, rolls open transactions back, writes everything down; resolves when the process is gone. */
export async function stopPostmaster(
  binaries: PostgresBinaries,
  runAs: RunAs,
  folder: string,
  pid: number,
): Promise<void> {
  const args = ["stop", "-D", folder, "-m", "fast", "-W"];
  const child = spawn(binaries.pgCtl, args, {
    ...runAs,
    cwd: folder,
    stdio: "ignore",
    env: plainEnvironment,
  });
  const done = Promise.withResolvers<void>();
  child.once("error", done.reject);
  child.once("exit", () => done.resolve());
  await done.promise;
  // Not pg_ctl's own wait: that ends with the pid file, a moment before the process.
  const began = performance.now();
  let isHurried = false;
  while (isPostgres(pid)) {
    const waitedMs = performance.now() - began;
    // Its immediate shutdown: what was acknowledged is in its log, which the next start reads.
    if (!isHurried && waitedMs > patienceMs) isHurried = process.kill(pid, "SIGQUIT");
    if (waitedMs > 60_000) throw new Error(`Postgres (process ${pid}) did not stop within a minute`);
    await pause(10);
  }
}

/** A port of 127.0.0.1 that is free now: the wished one, if it is. */
export async function freePort(wish: number): Promise<number> {
  const server = createServer();
  const listening = Promise.withResolvers<boolean>();
  server.once("error", () => listening.resolve(false));
  server.listen(wish, "127.0.0.1", () => listening.resolve(true));
  if (!(await listening.promise)) return freePort(0);
  const address = server.address();
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
