/**
 * A thread of the child that, while there is work, ends it when its memory passes the limit or its parent is gone: the
 * child's own thread may be deep in a loop or in native code. V8's heap limit does not count buffers and native libraries.
 */
import { writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import { memoryMark } from "./messages.ts";

const { memoryMiB, parent } = workerData as { memoryMiB: number; parent: number };

let looking: NodeJS.Timeout | undefined;

function look(): void {
  if (process.ppid !== parent) process.kill(process.pid, "SIGKILL");
  if (process.memoryUsage.rss() <= memoryMiB * 1024 * 1024) return;
  writeSync(2, `${memoryMark}\n`);
  process.kill(process.pid, "SIGKILL");
}

parentPort?.on("message", (told: "work" | "rest") => {
  clearInterval(looking);
  if (told === "work") looking = setInterval(look, 20);
});
