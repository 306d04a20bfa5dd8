/** `npm start`: Postgres, objects and API in one process, the trainer in a child of it, for one machine. */
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Config, readConfig } from "../config.ts";
import { startEmbeddedPostgres } from "../db/embedded.ts";
import { messageOf } from "../lib/errors.ts";
import { createLog, type Log } from "../lib/log.ts";
import { Releases } from "../lib/releases.ts";
import type { Local } from "./shared/local-server.ts";
import { endMs, orExit, runProgram } from "./shared/process.ts";
import { firstKey, startApi, startServices } from "./shared/start.ts";
import { startTracing } from "./shared/tracing.ts";
import { keepTrainer } from "./shared/trainer-process.ts";
import { usageOr } from "./shared/usage.ts";
import { welcome } from "./shared/welcome.ts";

/** Starts everything. What was started before a failure is stopped again. */
export async function startLocal(config: Config, log: Log): Promise<Local> {
  const releases = new Releases();
  try {
    await startTracing(config, "local", releases);
    const dataDir = makeDataDir(config.DATA_DIR);
    let databaseUrl = config.DATABASE_URL;
    if (databaseUrl === undefined) {
      const postgres = await startEmbeddedPostgres({ dataDir, log });
      releases.add("Postgres", () => postgres.stop());
      databaseUrl = postgres.url;
    }
    const services = await startServices({ config, databaseUrl, log, releases });
    const key = await keptKey(join(dataDir, "api-key"), databaseUrl);
    const endTrainer = await keepTrainer({ ...config, DATA_DIR: dataDir }, { databaseUrl, log, releases });
    const url = await startApi(services, releases);
    // Released first: it ends while requests do.
    releases.add("word to the trainer", endTrainer);
    const database = config.DATABASE_URL === undefined ? "embedded" : "given";
    return { url, key, dataDir, database, stop: () => releases.release() };
  } catch (error) {
    await releases.release();
    throw error;
  }
}

/** Throws an Error that names the setting where nothing can be kept there. */
function makeDataDir(path: string): string {
  const dataDir = resolve(path);
  try {
    mkdirSync(dataDir, { recursive: true });
    accessSync(dataDir, constants.W_OK);
  } catch (cause) {
    throw new Error(`DATA_DIR is ${dataDir}, which can't be written: ${messageOf(cause)}`, { cause });
  }
  return dataDir;
}

/** The database keeps only a hash, so the first key is kept in a file for its owner, to be shown at every start. */
async function keptKey(file: string, databaseUrl: string): Promise<string | null> {
  const made = await firstKey(databaseUrl);
  if (made !== null) {
    writeFileSync(file, `${made}\n`, { mode: 0o600 });
    return made;
  }
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return null;
  }
}

if (import.meta.main) {
  usageOr(`usage: npm start
  Postgres, objects, API and trainer on this machine, with everything in DATA_DIR (.data). Settings come from the
  environment (docs/operations.md).`);
  const config = orExit(readConfig);
  const logFile = join(
    orExit(() => makeDataDir(config.DATA_DIR)),
    "maskwright.log",
  );
  const log = orExit(() => createLog({ level: config.LOG_LEVEL, name: "maskwright", file: logFile }));
  const releases = new Releases();
  await runProgram(
    log,
    releases,
    async () => {
      const local = await startLocal(config, log);
      releases.add("everything", () => local.stop());
      process.stdout.write(welcome(local, logFile));
    },
    endMs(config),
  );
}
