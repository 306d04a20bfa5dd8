/** A worker of thread-priority.test.ts: gives way, and tells its own niceness and that of its process's first thread. */
import { readlinkSync } from "node:fs";
import { getPriority } from "node:os";
import { basename } from "node:path";
import { parentPort } from "node:worker_threads";
import { giveWay } from "../../src/lib/thread-priority.ts";

giveWay();
const port = parentPort;
port?.postMessage({
  own: getPriority(Number(basename(readlinkSync("/proc/thread-self")))),
  first: getPriority(process.pid),
});
