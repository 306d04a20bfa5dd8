/**
 * `npm run operate -- COMMAND`: what an operator does by hand or by schedule; see docs/operations.md.
 *   backup FOLDER, restore FOLDER, clean-up, scrub, delete-workspace ID, delete-base-model NAME
 */
import { resolve } from "node:path";
import { BaseModels } from "../base-models/registry.ts";
import { type Config, readConfig } from "../config.ts";
import { openDatabase } from "../db/client.ts";
import { startEmbeddedPostgres } from "../db/embedded.ts";
import { createLog, type Log } from "../lib/log.ts";
import { Releases } from "../lib/releases.ts";
import { backUp } from "../operations/backup.ts";
import { deleteWorkspace } from "../operations/delete-workspace.ts";
import { restore } from "../operations/restore.ts";
import { scrub } from "../operations/scrub.ts";
import { createObjectStore } from "../storage/create.ts";
import { cleanUp } from "./shared/clean-up.ts";
import { databaseUrlOf } from "./shared/database-url.ts";
import { deleteBaseModel } from "./shared/delete-base-model.ts";
import { orExit, runTask } from "./shared/process.ts";
import { usageOr } from "./shared/usage.ts";

const usage = `usage: npm run operate -- backup FOLDER | restore FOLDER | clean-up | scrub | delete-workspace ID
         | delete-base-model NAME
  On the database and the objects of the settings (docs/operations.md).`;
usageOr(usage, { words: { least: 1, most: 2 } });

/** The database of the settings, or the embedded one of DATA_DIR, which nobody else may be running then. */
async function database(config: Config, log: Log, releases: Releases): Promise<string> {
  if (config.DATABASE_URL !== undefined || config.DATABASE_SECRET_ARN !== undefined)
    return databaseUrlOf(config);
  const server = await startEmbeddedPostgres({ dataDir: resolve(config.DATA_DIR), log });
  releases.add("Postgres", () => server.stop());
  return server.url;
}

const config = orExit(readConfig);
const log = createLog({ level: config.LOG_LEVEL, name: "operate" });
const releases = new Releases();
await runTask(log, releases, async () => {
  const [command, argument] = process.argv.slice(2);
  const known = ["backup", "restore", "clean-up", "scrub", "delete-workspace", "delete-base-model"].includes(
    command ?? "",
  );
  const isAlone = command === "clean-up" || command === "scrub";
  if (!known || (!isAlone && argument === undefined)) throw new Error(usage);
  const databaseUrl = await database(config, log, releases);
  const tell = (text: string): void => void process.stdout.write(`${text}\n`);
  if (command === "clean-up") {
    tell(JSON.stringify(await cleanUp(config, databaseUrl, log)));
    return;
  }
  const store = createObjectStore(config);
  releases.add("the object store", () => store.close());
  const folder = resolve(argument ?? "");
  if (command === "backup") {
    const { tables, objects } = await backUp({ databaseUrl, store, folder });
    tell(`${folder}: ${tables.length} tables, ${objects.length} objects`);
    return;
  }
  if (command === "restore") {
    const { createdAt, objects } = await restore({ databaseUrl, store, folder });
    tell(`Restored what there was at ${createdAt}, with ${objects.length} objects`);
    return;
  }
  const opened = openDatabase(databaseUrl, { max: 2 });
  releases.add("the database", () => opened.close());
  if (command === "scrub") {
    const { checked, lost } = await scrub({ db: opened.db, store }, (one) => tell(JSON.stringify(one)));
    log.info({ checked, lost: lost.length }, "scrubbed");
    if (lost.length > 0) throw new Error(`${lost.length} of ${checked} objects are lost`);
    tell(`All ${checked} objects are whole`);
  } else if (command === "delete-base-model") {
    const models = new BaseModels(store, resolve(config.DATA_DIR, "models"));
    await deleteBaseModel({ db: opened.db, store, models }, argument ?? "");
    tell(`Deleted the base model ${argument}`);
  } else {
    const { projects } = await deleteWorkspace({ db: opened.db, store }, argument ?? "");
    tell(`Deleted ${argument} with ${projects} projects`);
  }
});
