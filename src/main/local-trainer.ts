/** The trainer of `npm start`, a child process of it: what ends this one leaves the API up. See trainer-process.ts. */
import { writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import { readConfig } from "../config.ts";
import { createLog } from "../lib/log.ts";
import { computeAtNiceness } from "../lib/thread-priority.ts";
import { Releases } from "../lib/releases.ts";
import { createServices } from "../services.ts";
import { databaseUrlOf } from "./shared/database-url.ts";
import { endMs, orExit, runProgram } from "./shared/process.ts";
import { startTraining } from "./shared/start-training.ts";
import { startTracing } from "./shared/tracing.ts";

const config = orExit(readConfig);
const log = createLog({ level: config.LOG_LEVEL, name: "trainer" });

// Where memory runs out, Linux ends this process first and not the API or Postgres. Other systems have no such file.
try {
  writeFileSync("/proc/self/oom_score_adj", "500");
} catch {}

// Gives way to the API beside it, whose users wait; with the machine to itself it loses nothing. What computes gives way
// further: leases and imports have to go on while predictions take all cores.
try {
  setPriority(5);
} catch {}
computeAtNiceness(10);

// When the parent is gone, however it went, nobody would ever end this one.
process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));

const releases = new Releases();
await runProgram(
  log,
  releases,
  async () => {
    await startTracing(config, "trainer", releases);
    const databaseUrl = await databaseUrlOf(config);
    // The parent has migrated the database.
    const services = await createServices(config, { databaseUrl, log });
    releases.add("the services", () => services.close());
    await startTraining(services, databaseUrl, releases);
    process.send?.("ready");
  },
  endMs(config),
);
