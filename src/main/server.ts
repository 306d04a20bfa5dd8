/** `npm run server`: the API alone, against a Postgres and an object store that others run. */
import { readConfig } from "../config.ts";
import { createLog } from "../lib/log.ts";
import { Releases } from "../lib/releases.ts";
import { databaseUrlOf } from "./shared/database-url.ts";
import { endMs, orExit, runProgram } from "./shared/process.ts";
import { firstKey, startApi, startServices } from "./shared/start.ts";
import { startTracing } from "./shared/tracing.ts";
import { usageOr } from "./shared/usage.ts";

usageOr(`usage: npm run server
  The API alone, on the Postgres of DATABASE_URL and the objects of S3_BUCKET or DATA_DIR. Settings come from the
  environment (README.md).`);
const config = orExit(readConfig);
const log = createLog({ level: config.LOG_LEVEL, name: "server" });
const releases = new Releases();
await runProgram(
  log,
  releases,
  async () => {
    await startTracing(config, "server", releases);
    const databaseUrl = await databaseUrlOf(config);
    const services = await startServices({ config, databaseUrl, log, releases });
    const key = await firstKey(databaseUrl);
    // On stdout, once, and not in the log: only its hash is kept.
    if (key !== null) process.stdout.write(`The first API key, shown this once: ${key}\n`);
    log.info({ url: await startApi(services, releases) }, "the API is up");
  },
  endMs(config),
);
