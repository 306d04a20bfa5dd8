import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";
import { basename } from "node:path";
import { getEnvironmentData, setEnvironmentData } from "node:worker_threads";

const key = "maskwright: niceness of threads that compute";

/** Lets worker threads that start from now on take this niceness, up to 19, where they call `giveWay`. */
export const computeAtNiceness = (niceness: number): void => setEnvironmentData(key, niceness);

/**
 * Puts this thread, and threads that it starts, behind those of other programs, as far as its process has asked for by
 * `computeAtNiceness`. Only Linux knows a thread's own priority; elsewhere nothing changes.
 */
export function giveWay(): void {
  const niceness = getEnvironmentData(key);
  if (typeof niceness !== "number") return;
  try {
    setPriority(Number(basename(readlinkSync("/proc/thread-self"))), niceness);
  } catch {}
}
