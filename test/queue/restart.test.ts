import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { openDatabase } from "../../src/db/client.ts";
import { startEmbeddedPostgres } from "../../src/db/embedded.ts";
import { channels, createListener } from "../../src/db/listen.ts";
import { migrate } from "../../src/db/migrate.ts";
import { createQueue } from "../../src/queue/queue.ts";
import { addProjects, finish, log, Mailbox } from "./harness.ts";

/** A Postgres of the test's own, which comes back at its address, with a project. */
async function ownServer() {
  const dataDir = await mkdtemp(join(tmpdir(), "maskwright-restart-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  await chmod(dataDir, 0o755);
  const open = () => startEmbeddedPostgres({ dataDir, log, settings: { fsync: "off" } });
  let server = await open();
  const { url } = server;
  onTestFinished(() => server.stop());
  await migrate(url);
  const database = openDatabase(url, { max: 2 });
  onTestFinished(() => database.close());
  await addProjects(database, "prj_1");
  return {
    database,
    url,
    stop: async () => server.stop(),
    start: async () => {
      server = await open();
    },
  };
}

test("after the database was away, watchers are told to look at everything, and jobs run again", async () => {
  const { database, url, stop, start } = await ownServer();

  const queue = await createQueue({ databaseUrl: url, log });
  onTestFinished(() => queue.stop({ graceMs: 0 }));
  const starts = new Mailbox<string>();
  await queue.work("fine_tune", async (job) => {
    await finish(database, job.id);
    starts.put(job.id);
  });
  const hints = new Mailbox<string>();
  const listener = createListener({ databaseUrl: url, log });
  onTestFinished(() => listener.close());
  await listener.watch(channels.fineTuneChanged, (id) => hints.put(id ?? "everything"));
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_before', 'prj_1')`;
  expect([await starts.next(), await hints.next(), await hints.next()]).toEqual([
    "ft_before",
    "everything",
    "ft_before",
  ]);

  await stop();
  await start();
  expect(await hints.next()).toBe("everything");
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_after', 'prj_1')`;
  expect(await starts.next()).toBe("ft_after");
  // It may have taken several reconnects; each told to look at everything.
  let hint = await hints.next();
  while (hint === "everything") hint = await hints.next();
  expect(hint).toBe("ft_after");
  // Told once, however often it had reconnected.
  await database.sql`select pg_notify(${channels.fineTuneChanged}, 'the end')`;
  expect(await hints.next()).toBe("the end");
});

test("a job that loses the database again and again runs on, since neither it nor its process has failed", async () => {
  const { database, url, stop, start } = await ownServer();
  const queue = await createQueue({ databaseUrl: url, log });
  onTestFinished(() => queue.stop({ graceMs: 0 }));
  const starts = new Mailbox<number>();
  const gaveUp: unknown[] = [];
  let attempts = 0;
  let away = Promise.withResolvers<void>();
  await queue.work(
    "fine_tune",
    async (job) => {
      starts.put(++attempts);
      await away.promise;
      await finish(database, job.id);
    },
    { onExhausted: async (_job, error) => void gaveUp.push(error) },
  );
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_1', 'prj_1')`;
  // A process may end twice, and an attempt fail three times, before a job is given up.
  for (let time = 1; time <= 4; time++) {
    expect(await starts.next()).toBe(time);
    await stop();
    away.resolve();
    away = Promise.withResolvers();
    await start();
  }
  expect(await starts.next()).toBe(5);
  away.resolve();
  await vi.waitFor(
    async () => {
      const [row] = await database.sql`select status from fine_tunes where id = 'ft_1'`;
      expect(row?.["status"]).toBe("succeeded");
    },
    { timeout: 20_000, interval: 100 },
  );
  expect(gaveUp).toEqual([]);
});
