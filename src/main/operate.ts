/**
 * `npm run operate -- COMMAND`: what an operator does by hand or by schedule; see docs/operations.md.
 *   backup FOLDER, restore FOLDER, clean-up, scrub, reproduce PROJECT VERSION, delete-workspace ID, delete-base-model NAME,
 *   export-base-model NAME FOLDER
 */
import { resolve } from "node:path";
import { BaseModels } from "../base-models/registry.ts";
import { type Config, readConfig } from "../config.ts";
import { type Database, openDatabase } from "../db/client.ts";
import { startEmbeddedPostgres } from "../db/embedded.ts";
import { createLog, type Log } from "../lib/log.ts";
import { Releases } from "../lib/releases.ts";
import { backUp } from "../operations/backup.ts";
import { deleteWorkspace } from "../operations/delete-workspace.ts";
import { restore } from "../operations/restore.ts";
import { scrub } from "../operations/scrub.ts";
import { createObjectStore } from "../storage/create.ts";
import type { ObjectStore } from "../storage/store.ts";
import { cleanUp } from "./shared/clean-up.ts";
import { databaseUrlOf } from "./shared/database-url.ts";
import { exportBaseModel } from "./shared/export-base-model.ts";
import { deleteBaseModel } from "./shared/delete-base-model.ts";
import { orExit, runTask } from "./shared/process.ts";
import { reproduce } from "./shared/reproduce.ts";
import { usageOr } from "./shared/usage.ts";

const usage = `usage: npm run operate -- backup FOLDER | restore FOLDER | clean-up | scrub | reproduce PROJECT VERSION
         | delete-workspace ID | delete-base-model NAME | export-base-model NAME FOLDER
  On the database and the objects of the settings (docs/operations.md).`;
usageOr(usage, { words: { least: 1, most: 3 } });

/** The database of the settings, or the embedded one of DATA_DIR, which nobody else may be running then. */
async function database(config: Config, log: Log, releases: Releases): Promise<string> {
  if (config.DATABASE_URL !== undefined || config.DATABASE_SECRET_ARN !== undefined)
    return databaseUrlOf(config);
  const server = await startEmbeddedPostgres({ dataDir: resolve(config.DATA_DIR), log });
  releases.add("Postgres", () => server.stop());
  return server.url;
}

interface Given {
  readonly config: Config;
  readonly log: Log;
  readonly releases: Releases;
  readonly databaseUrl: string;
  readonly store: ObjectStore;
  /** A line for whoever waits. */
  readonly tell: (text: string) => void;
}

interface Command {
  /** How many words follow its name. */
  readonly words: number;
  run(given: Given, words: readonly string[]): Promise<void>;
}

const open = ({ databaseUrl, releases }: Given): Database => {
  const opened = openDatabase(databaseUrl, { max: 2 });
  releases.add("the database", () => opened.close());
  return opened.db;
};

const commands: Readonly<Record<string, Command>> = {
  "clean-up": {
    words: 0,
    run: async ({ config, databaseUrl, log, tell }) =>
      tell(JSON.stringify(await cleanUp(config, databaseUrl, log))),
  },
  backup: {
    words: 1,
    run: async ({ databaseUrl, store, tell }, [to = ""]) => {
      const folder = resolve(to);
      const { tables, objects } = await backUp({ databaseUrl, store, folder });
      tell(`${folder}: ${tables.length} tables, ${objects.length} objects`);
    },
  },
  restore: {
    words: 1,
    run: async ({ databaseUrl, store, tell }, [from = ""]) => {
      const { createdAt, objects } = await restore({ databaseUrl, store, folder: resolve(from) });
      tell(`Restored what there was at ${createdAt}, with ${objects.length} objects`);
    },
  },
  scrub: {
    words: 0,
    run: async (given) => {
      const { store, log, tell } = given;
      const { checked, lost } = await scrub({ db: open(given), store }, (one) => tell(JSON.stringify(one)));
      log.info({ checked, lost: lost.length }, "scrubbed");
      if (lost.length > 0) throw new Error(`${lost.length} of ${checked} objects are lost`);
      tell(`All ${checked} objects are whole`);
    },
  },
  reproduce: {
    words: 2,
    run: async (given, [projectId = "", version = ""]) => {
      const { config, store, log, tell } = given;
      const number = Number(version.replace(/^v/, ""));
      if (!Number.isInteger(number) || number < 1) throw new Error(`${version} is no number of a version`);
      const { same, differences } = await reproduce(
        config,
        { db: open(given), store },
        { projectId, number, log, tell },
      );
      for (const one of differences) tell(JSON.stringify(one));
      if (!same)
        throw new Error(
          `version ${number} came out another: ${differences.map(({ what }) => what).join(", ")}`,
        );
      tell(`Version ${number} is the same again, bit for bit`);
    },
  },
  "delete-base-model": {
    words: 1,
    run: async (given, [name = ""]) => {
      const { config, store, tell } = given;
      const models = new BaseModels(store, resolve(config.DATA_DIR, "models"));
      await deleteBaseModel({ db: open(given), store, models }, name);
      tell(`Deleted the base model ${name}`);
    },
  },
  "export-base-model": {
    words: 2,
    run: async (given, [name = "", to = ""]) => {
      const { model, signature, key } = await exportBaseModel(
        { db: open(given), store: given.store },
        name,
        resolve(to),
      );
      given.tell(`${model}, signed in ${signature} by ${key}`);
    },
  },
  "delete-workspace": {
    words: 1,
    run: async (given, [id = ""]) => {
      const { projects } = await deleteWorkspace({ db: open(given), store: given.store }, id);
      given.tell(`Deleted ${id} with ${projects} projects`);
    },
  },
};

const config = orExit(readConfig);
const log = createLog({ level: config.LOG_LEVEL, name: "operate" });
const releases = new Releases();
await runTask(log, releases, async () => {
  const [name = "", ...words] = process.argv.slice(2);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command || command.words !== words.length) throw new Error(usage);
  const databaseUrl = await database(config, log, releases);
  const store = createObjectStore(config);
  releases.add("the object store", () => store.close());
  const tell = (text: string): void => void process.stdout.write(`${text}\n`);
  await command.run({ config, log, releases, databaseUrl, store, tell }, words);
});
