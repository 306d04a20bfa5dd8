import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Log } from "./log.ts";

/** What takes longer belongs in a worker. */
const boundMs = 50;
const everyMs = 10_000;
const resolutionMs = 10;

/**
 * Tells in the log, every ten seconds at most, where the event loop was held for longer than it should ever be: nobody was
 * answered meanwhile. /metrics has it as nodejs_eventloop_lag_max_seconds. Returns how to stop it.
 */
export function watchLoop(log: Log): () => void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  const timer = setInterval(() => {
    const longest = Math.round(delay.max / 1e6) - resolutionMs;
    delay.reset();
    if (longest > boundMs) log.warn({ longest_ms: longest, bound_ms: boundMs }, "the event loop was held");
  }, everyMs).unref();
  return () => {
    clearInterval(timer);
    delay.disable();
  };
}
