import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { type Config, environmentOf } from "../../config.ts";
import { keepingPieces } from "../../lib/malloc.ts";
import type { Log } from "../../lib/log.ts";
import type { Releases } from "../../lib/releases.ts";
import { endMs } from "./process.ts";

/** Milliseconds until the first restart; then twice as long each time, until one has run for `healthyMs`. */
const firstPauseMs = 500;
const longestPauseMs = 60_000;
const healthyMs = 60_000;
/** Until one that was told to end is killed: as long as it takes itself, see endMs. */
const moreMs = 500;

/**
 * Keeps a trainer running in a child process of its own: one that ends is started again, later each time. What it logs
 * goes into `log`. Its release ends it, and returns once it is gone. Resolves when the first one takes jobs, or has
 * ended, with what tells it to end and waits for nothing.
 */
export async function keepTrainer(
  config: Config,
  options: { databaseUrl: string; log: Log; releases: Releases },
): Promise<() => void> {
  const { log } = options;
  const stopping = new AbortController();
  let child: ChildProcess | undefined;
  const first = Promise.withResolvers<void>();

  const keep = async (): Promise<void> => {
    let pauseMs = firstPauseMs;
    while (!stopping.signal.aborted) {
      const began = performance.now();
      child = startTrainer(config, options.databaseUrl, log);
      child.once("message", () => first.resolve());
      const why = await endOf(child);
      first.resolve();
      if (stopping.signal.aborted) return;
      if (performance.now() - began > healthyMs) pauseMs = firstPauseMs;
      log.error({ why, seconds: pauseMs / 1000 }, "the trainer has ended; it is started again");
      await pause(pauseMs, undefined, { signal: stopping.signal }).catch(() => {});
      pauseMs = Math.min(2 * pauseMs, longestPauseMs);
    }
  };
  const kept = keep();

  // The last resort, when the process ends without its releases: a trainer must not go on by itself.
  const onExit = (): void => void child?.kill("SIGKILL");
  process.once("exit", onExit);
  const tell = (): void => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    child?.kill("SIGTERM");
  };
  options.releases.add("the trainer", async () => {
    tell();
    const late = setTimeout(() => child?.kill("SIGKILL"), endMs(config) + moreMs);
    await kept;
    clearTimeout(late);
    process.removeListener("exit", onExit);
  });
  await first.promise;
  return tell;
}

function startTrainer(config: Config, databaseUrl: string, log: Log): ChildProcess {
  const child = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", join(import.meta.dirname, "../local-trainer.ts")],
    {
      env: keepingPieces(environmentOf({ ...config, DATABASE_URL: databaseUrl })),
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      // Out of the terminal's group: Ctrl-C reaches the parent, which passes one signal on.
      detached: true,
    },
  );
  const own = log.child({ trainer: child.pid });
  for (const stream of [child.stdout, child.stderr])
    if (stream) createInterface({ input: stream }).on("line", (line) => passOn(own, line));
  return child;
}

/** Why it ended. One that could not even be started has ended too. */
async function endOf(child: ChildProcess): Promise<string> {
  const ended = Promise.withResolvers<string>();
  child.once("error", (error) => ended.resolve(error.message));
  child.once("exit", (code, signal) => ended.resolve(signal ?? `exit code ${code}`));
  return ended.promise;
}

const levels = { 10: "trace", 20: "debug", 30: "info", 40: "warn", 50: "error", 60: "fatal" } as const;

/** A line of the child's log becomes one of ours; whatever else it says is a warning. */
function passOn(log: Log, line: string): void {
  if (line.trim() === "") return;
  try {
    const {
      level,
      time: _time,
      pid: _pid,
      hostname: _host,
      name: _name,
      msg,
      ...rest
    } = JSON.parse(line) as Record<string, unknown>;
    const name = levels[level as keyof typeof levels];
    if (name) return log[name](rest, typeof msg === "string" ? msg : "");
  } catch {
    // No line of a log.
  }
  log.warn({ line: line.slice(0, 2000) }, "the trainer says");
}
