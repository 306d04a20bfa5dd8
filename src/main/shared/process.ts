import { messageOf } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { Releases } from "../../lib/releases.ts";

/**
 * Resolves when the process is asked to end (SIGINT, SIGTERM, SIGHUP). A second, later signal ends it at once.
 */
export function untilSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let first = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // Ctrl-C can arrive twice at once: from the terminal and from npm.
      if (first > 0 && performance.now() - first > 500) process.exit(130);
      if (first === 0) first = performance.now();
      resolve(signal);
    });
  }
  return promise;
}

/** What a program needs before it can run at all; where that fails, it says why and ends. */
export function orExit<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    process.stderr.write(`Could not start: ${messageOf(error)}\n`);
    return process.exit(1);
  }
}

/**
 * Runs a program to its end: starts it, waits for a signal, releases everything, and sets the exit code. What has not been
 * released within `withinMs`, say because the database is gone, is left as it is, and the process ends with 1.
 */
export async function runProgram(
  log: Log,
  releases: Releases,
  start: () => Promise<void>,
  withinMs: number,
): Promise<void> {
  // Registered first, so that a signal during a slow start is not lost.
  const ended = untilSignal();
  void ended.then(() => endWithin(log, withinMs));
  // Node would print it whole, with the values of a query.
  process.once("uncaughtException", (error) => {
    log.fatal({ err: error }, "ended by an error that nobody has caught");
    process.exit(1);
  });
  try {
    await start();
    const signal = await ended;
    log.info({ signal }, "stopping");
  } catch (error) {
    process.exitCode = 1;
    log.fatal({ err: error }, "could not start");
    process.stderr.write(`Could not start: ${messageOf(error)}\n`);
  }
  try {
    await releases.release();
  } catch (error) {
    process.exitCode = 1;
    log.error({ err: error }, "did not stop cleanly");
  }
  endLate(log);
}

/** Milliseconds for all that a program releases after its requests, and for both where requests get less. */
const [releasesMs, leastMs] = [4000, 9000];

/** Until an API process has ended that was told to: its requests, and everything behind them. */
export const endMs = ({ SHUTDOWN_SECONDS }: { readonly SHUTDOWN_SECONDS: number }): number =>
  Math.max(leastMs, SHUTDOWN_SECONDS * 1000 + releasesMs);

function endWithin(log: Log, withinMs: number): void {
  setTimeout(() => {
    log.error({ seconds: withinMs / 1000 }, "not everything could be stopped in time; ending all the same");
    process.exit(1);
  }, withinMs).unref();
}

/** Whatever is left open after the releases would hold the process: it gets two seconds to end by itself. */
function endLate(log: Log): void {
  setTimeout(() => {
    log.warn({ open: process.getActiveResourcesInfo() }, "something is still open; ending all the same");
    process.exit();
  }, 2000).unref();
}

/** Runs a program that ends by itself; a failure is told and sets the exit code. */
export async function runTask(log: Log, releases: Releases, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    process.exitCode = 1;
    log.fatal({ err: error }, "failed");
    process.stderr.write(`Failed: ${messageOf(error)}\n`);
  } finally {
    await releases.release();
  }
}
