import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Config, readConfig } from "../../../src/config.ts";
import { createApp } from "../../../src/app.ts";
import { createLog } from "../../../src/lib/log.ts";
import { newId } from "../../../src/lib/ids.ts";
import { Releases } from "../../../src/lib/releases.ts";
import { keepTrainer } from "../../../src/main/shared/trainer-process.ts";
import { keys } from "../../../src/storage/keys.ts";
import { maskPng, picture, useZips } from "../../datasets/zips.ts";
import { overHttp, type TestApp, testApp } from "../../helpers/app.ts";
import { makeProject } from "../../helpers/seeds.ts";

const zips = useZips();
let app: TestApp;
let folder: string;
let logFile: string;
let config: Config;
const releases = new Releases();
beforeAll(async () => {
  app = await testApp();
  folder = await mkdtemp(join(tmpdir(), "maskwright-keep-"));
  logFile = join(folder, "log");
  const { DATA_DIR } = app.services.config;
  config = readConfig({ DATA_DIR, LOG_LEVEL: "info", DATABASE_URL: app.databaseUrl });
  const log = createLog({ level: "info", name: "test", file: logFile });
  await keepTrainer(config, { databaseUrl: app.databaseUrl, log, releases });
}, 120_000);
afterAll(async () => {
  await releases.release();
  await app?.close();
  await rm(folder, { recursive: true, force: true });
});

/** The process ids that the log names, each once, in their order. */
async function trainers(): Promise<number[]> {
  const lines = (await readFile(logFile, "utf8")).split("\n").filter((line) => line.startsWith("{"));
  const all = lines.map((line) => JSON.parse(line) as { trainer?: number; msg: string });
  return [
    ...new Set(
      all.flatMap(({ trainer, msg }) =>
        trainer !== undefined && msg === "the trainer takes jobs" ? [trainer] : [],
      ),
    ),
  ];
}
const trainer = async (count: number): Promise<number> => {
  await expect.poll(trainers, { timeout: 120_000, interval: 200 }).toHaveLength(count);
  return (await trainers()).at(-1) as number;
};

/** An import in the store, with its row. */
async function importOf(project: string, name: string, dryRun = false): Promise<string> {
  const id = newId("imp");
  const size = { width: 80, height: 64 };
  const files = {
    [`images/${name}.png`]: await picture(1, 80, 64),
    [`masks/${name}.png`]: await maskPng([1, 2, 20, 30], size),
  };
  const bytes = await readFile(await zips.zip(files));
  const objectKey = keys.importZip(project, id);
  await app.store.put(objectKey, bytes);
  await app.sql`insert into imports (id, project_id, object_key, bytes, file_name, dry_run)
    values (${id}, ${project}, ${objectKey}, ${bytes.length}, ${`${name}.zip`}, ${dryRun})`;
  return id;
}
const importRow = async (id: string) => (await app.sql`select * from imports where id = ${id}`)[0];

describe("a trainer that is killed while it reads an import", () => {
  it("comes back; after its second death the import has failed and says where, and others go on", async () => {
    const [bad, good] = [await makeProject(app.a), await makeProject(app.b)];
    // Stands for a file that ends whoever reads it: its import is held up once it has begun with the image. A dry run
    // keeps no parts, so the second attempt comes to the image again.
    await app.sql.unsafe(`
      create function hold_bad() returns trigger language plpgsql as $$
      begin
        if new.images_done > 0 and new.file_name = 'bad.zip' then perform pg_sleep(600); end if;
        return new;
      end $$`);
    await app.sql.unsafe(
      "create trigger hold_bad before update of images_done on imports for each row execute function hold_bad()",
    );
    const stuck = async () => {
      const [row] = await app.sql`
        select count(*)::int as n from pg_stat_activity
        where datname = current_database() and wait_event = 'PgSleep'`;
      return Number(row?.["n"]);
    };
    // The supervisor misses a heartbeat after 15 s; here nobody waits for that.
    const silence = () =>
      app.sql`update pgboss.job set heartbeat_on = now() - interval '1 minute' where state = 'active'`;
    const killWhileReading = async (count: number) => {
      const pid = await trainer(count);
      await expect.poll(stuck, { timeout: 120_000, interval: 200 }).toBeGreaterThan(0);
      process.kill(pid, "SIGKILL");
      // Its sleeping statement outlives it, and would hold the row.
      await app.sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and wait_event = 'PgSleep'`;
      await silence();
    };
    const id = await importOf(bad, "bad", true);
    await overHttp(createApp(app.services), async (origin) => {
      await killWhileReading(1);
      expect((await fetch(`${origin}/healthz`)).status).toBe(200);
      await killWhileReading(2);
      expect((await fetch(`${origin}/healthz`)).status).toBe(200);
    });
    await trainer(3);
    await expect
      .poll(async () => (await importRow(id))?.["status"], { timeout: 120_000, interval: 200 })
      .toBe("failed");
    const told = await app.a.get(`/v1/projects/${bad}/imports/${id}`);
    expect(told.body["error"]).toEqual({
      code: "process_ended_twice",
      message: "The process ended twice while reading images/bad.png. It is not tried again by itself.",
    });
    const neighbour = await importOf(good, "good");
    await expect
      .poll(async () => (await importRow(neighbour))?.["status"], { timeout: 120_000, interval: 200 })
      .toBe("succeeded");
    expect((await importRow(id))?.["attempt"]).toBe(2);
    expect(await trainers()).toHaveLength(3);
  }, 400_000);
});

describe("the trainer of a program that ends", () => {
  it("ends with it, also where it was killed", async () => {
    const file = join(folder, "parent.ts");
    const main = join(import.meta.dirname, "../../../src");
    const log = join(folder, "other-log");
    await writeFile(
      file,
      `
        import { readConfig } from "${main}/config.ts";
        import { createLog } from "${main}/lib/log.ts";
        import { Releases } from "${main}/lib/releases.ts";
        import { keepTrainer } from "${main}/main/shared/trainer-process.ts";
        const log = createLog({ level: "info", name: "parent", file: ${JSON.stringify(log)} });
        await keepTrainer(readConfig(), { databaseUrl: process.env.DATABASE_URL, log, releases: new Releases() });
        process.send("ready");
        `,
    );
    const parent = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", file], {
      env: { ...process.env, DATABASE_URL: app.databaseUrl, DATA_DIR: config.DATA_DIR },
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    await once(parent, "message");
    const line = (await readFile(log, "utf8")).split("\n").find((one) => one.includes("takes jobs")) ?? "{}";
    const { trainer: pid } = JSON.parse(line) as { trainer: number };
    const gone = once(parent, "exit");
    parent.kill("SIGKILL");
    await gone;
    const alive = (): boolean => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    };
    await expect.poll(alive, { timeout: 60_000, interval: 100 }).toBe(false);
  }, 200_000);
});
