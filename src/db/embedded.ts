import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import postgres, { type Sql } from "postgres";
import type { Log } from "../lib/log.ts";
import {
  chooseUser,
  findBinaries,
  giveTo,
  placeData,
  type PostgresBinaries,
  type RunAs,
} from "./embedded-binaries.ts";
import { PostgresKeeper } from "./embedded-keeper.ts";
import {
  findPostmaster,
  freePort,
  isPostgres,
  plainEnvironment,
  spawnPostmaster,
  stopPostmaster,
  waitUntilReady,
} from "./embedded-server.ts";

export interface EmbeddedPostgres {
  readonly url: string;
  /** Another one after it had ended and was brought back. */
  readonly pid: number;
  /** It had outlived a process that was killed, and was taken over as it ran. */
  readonly reused: boolean;
  /** Stops it and keeps its data. */
  stop(): Promise<void>;
}

/** `<DATA_DIR>/postgres.json`, readable by its owner alone. */
interface Access {
  port: number;
  password: string;
}

/** Held by the one process that a DATA_DIR belongs to, for as long as it lives. */
const ownerLock = 7_237_540;

/**
 * A real Postgres of our own, its data in `<dataDir>/postgres`, on 127.0.0.1 only, made at the first start.
 * One that outlived its killed parent is taken over as it runs, and one that ends is started again at the same address.
 * Throws an Error whose message says what to do
 * when another process uses this DATA_DIR, or when Postgres can't run here.
 * @param options.settings more of postgresql.conf, for tests
 */
export async function startEmbeddedPostgres(options: {
  dataDir: string;
  log: Log;
  settings?: Record<string, string>;
}): Promise<EmbeddedPostgres> {
  const { log, settings = {} } = options;
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true });
  const runAs = chooseUser();
  const binaries = await findBinaries(runAs);
  const { folder, moved } = await placeData(dataDir, runAs);
  if (moved) log.warn({ folder }, "the postgres user may not enter DATA_DIR, so the database lies elsewhere");

  const accessFile = join(dataDir, "postgres.json");
  const access = await readAccess(accessFile, folder);
  await initialise({ binaries, runAs, folder, password: access.password, sync: settings["fsync"] !== "off" });

  for (let attempt = 1; ; attempt++) {
    const running = await findPostmaster(folder);
    const port = running?.port ?? (await freePort(access.port));
    const admin = urlOf({ ...access, port }, "postgres");
    let pid = running?.pid;
    if (running) {
      await waitUntilReady(admin).catch((cause: unknown) => {
        const advice = `Postgres (process ${running.pid}) uses ${folder} but lets nobody in: stop it and start again.`;
        throw new Error(advice, { cause });
      });
    } else {
      const logFile = join(dataDir, "postgres.log");
      const started = await spawnPostmaster({ binaries, runAs, folder, logFile, url: admin, settings });
      if ("failed" in started) {
        // Someone took the port or started the same cluster between our look and our start: look again.
        if (started.failed !== "other" && attempt < 5) continue;
        throw new Error(`Postgres did not start; the end of ${logFile}:\n${started.output}`);
      }
      pid = started.pid;
    }
    if (pid === undefined) throw new Error("Postgres has no process");
    return own({
      dataDir,
      folder,
      accessFile,
      access: { ...access, port },
      pid,
      running: running !== null,
      binaries,
      runAs,
      settings,
      log,
    });
  }
}

const urlOf = (access: Access, database: string): string =>
  `postgres://postgres:${access.password}@127.0.0.1:${access.port}/${database}`;

const suffix = (): string => randomBytes(4).toString("hex");

/** The port and password kept from last time, or new ones. */
async function readAccess(file: string, folder: string): Promise<Access> {
  const kept = await readFile(file, "utf8").catch(() => null);
  if (kept !== null) return JSON.parse(kept) as Access;
  if (await stat(folder).catch(() => null)) {
    throw new Error(
      `${file} with the database's password is gone: put it back, or move ${folder} away to start anew.`,
    );
  }
  const made: Access = { port: await freePort(0), password: randomBytes(24).toString("hex") };
  const draft = `${file}.${suffix()}`;
  await writeFile(draft, JSON.stringify(made), { mode: 0o600 });
  // A link is made once: of two processes at their first start both read what one wrote.
  await link(draft, file).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  await rm(draft);
  return JSON.parse(await readFile(file, "utf8")) as Access;
}

/** Makes the cluster in a draft folder and renames it, so that a half-made one is never found. */
async function initialise(options: {
  binaries: PostgresBinaries;
  runAs: RunAs;
  folder: string;
  password: string;
  sync: boolean;
}) {
  const { binaries, runAs, folder, password, sync } = options;
  if (await stat(folder).catch(() => null)) return;
  const draft = `${folder}.new-${suffix()}`;
  const passwordFile = join(dirname(folder), `postgres.password-${suffix()}`);
  try {
    await mkdir(draft, { mode: 0o700 });
    await giveTo(draft, runAs);
    await writeFile(passwordFile, password, { mode: 0o600 });
    await giveTo(passwordFile, runAs);
    const flags = ["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"];
    const locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
    const args = [
      `--pgdata=${draft}`,
      `--pwfile=${passwordFile}`,
      ...flags,
      ...locale,
      ...(sync ? [] : ["--no-sync"]),
    ];
    const child = spawn(binaries.initdb, args, {
      ...runAs,
      cwd: draft,
      stdio: ["ignore", "ignore", "pipe"],
      env: plainEnvironment,
    });
    let output = "";
    child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const done = Promise.withResolvers<number | null>();
    child.once("error", done.reject);
    child.once("close", done.resolve);
    if ((await done.promise) !== 0) throw new Error(`initdb failed:\n${output.trim()}`);
    // Fails where another process was first; its cluster is as good.
    await rename(draft, folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(passwordFile, { force: true });
    await rm(draft, { recursive: true, force: true });
  }
}

/** Takes the owner's lock, makes our database, keeps the port, and ties the server's life to ours. */
async function own(options: {
  dataDir: string;
  folder: string;
  accessFile: string;
  access: Access;
  pid: number;
  running: boolean;
  binaries: PostgresBinaries;
  runAs: RunAs;
  settings: Record<string, string>;
  log: Log;
}): Promise<EmbeddedPostgres> {
  const { dataDir, folder, accessFile, access, pid, running, binaries, runAs, settings, log } = options;
  const owner = postgres(urlOf(access, "postgres"), {
    max: 1,
    max_lifetime: null,
    idle_timeout: 0,
    onnotice: () => {},
  });
  try {
    if (!(await takeLock(owner))) {
      throw new Error(
        `Another maskwright already runs on ${dataDir} (its Postgres: process ${pid}, port ${access.port}). ` +
          "Stop that one first, or give this one a DATA_DIR of its own.",
      );
    }
    const [found] = await owner`select 1 from pg_database where datname = 'maskwright'`;
    if (!found) await owner`create database maskwright`;
    await writeFile(accessFile, JSON.stringify(access), { mode: 0o600 });
  } catch (error) {
    await owner.end({ timeout: 1 });
    throw error;
  }
  const start = async (signal: AbortSignal): Promise<number> => {
    const url = urlOf(access, "postgres");
    const logFile = join(dataDir, "postgres.log");
    const other = await findPostmaster(folder);
    const started =
      other ?? (await spawnPostmaster({ binaries, runAs, folder, logFile, url, settings, signal }));
    if ("failed" in started) throw new Error(started.output);
    if (other) await waitUntilReady(url, signal);
    if (!(await takeLock(owner))) throw new Error(`another maskwright has taken ${dataDir}`);
    return started.pid;
  };
  const keeper = new PostgresKeeper({ pid, start, log });
  // The last resort, when the process ends without stop(): SIGINT is Postgres's fast shutdown.
  const onExit = (): void => {
    if (isPostgres(keeper.pid)) process.kill(keeper.pid, "SIGINT");
  };
  process.once("exit", onExit);
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await keeper.stop();
    await owner.end({ timeout: 1 });
    // Not if another one runs here by now, after ours had crashed.
    const last = keeper.pid;
    if ((await findPostmaster(folder))?.pid === last) await stopPostmaster(binaries, runAs, folder, last);
    process.removeListener("exit", onExit);
  };
  return {
    url: urlOf(access, "maskwright"),
    get pid() {
      return keeper.pid;
    },
    reused: running,
    stop: () => (stopping ??= stop()),
  };
}

/** A killed owner's session ends a moment after it, so one failure proves nothing. */
async function takeLock(owner: Sql): Promise<boolean> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const [row] = await owner<{ taken: boolean }[]>`select pg_try_advisory_lock(${ownerLock}) as taken`;
    if (row?.taken) return true;
    await pause(100);
  }
  return false;
}
