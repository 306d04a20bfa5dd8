import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../../src/db/client.ts";
import { startEmbeddedPostgres } from "../../src/db/embedded.ts";
import { channels, createListener } from "../../src/db/listen.ts";
import { migrate } from "../../src/db/migrate.ts";
import { createQueue } from "../../src/queue/queue.ts";
import { addProjects, finish, log, Mailbox } from "./harness.ts";

test("after the database was away, watchers are told to look at everything, and jobs run again", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "maskwright-restart-"));
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  await chmod(dataDir, 0o755);
  const start = () => startEmbeddedPostgres({ dataDir, log, settings: { fsync: "off" } });
  let server = await start();
  onTestFinished(() => server.stop());
  await migrate(server.url);
  const database = openDatabase(server.url, { max: 2 });
  onTestFinished(() => database.close());
  await addProjects(database, "prj_1");

  const queue = await createQueue({ databaseUrl: server.url, log });
  onTestFinished(() => queue.stop({ graceMs: 0 }));
  const starts = new Mailbox<string>();
  await queue.work("fine_tune", async (job) => {
    await finish(database, job.id);
    starts.put(job.id);
  });
  const hints = new Mailbox<string>();
  const listener = createListener({ databaseUrl: server.url, log });
  onTestFinished(() => listener.close());
  await listener.watch(channels.fineTuneChanged, (id) => hints.put(id ?? "everything"));
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_before', 'prj_1')`;
  expect([await starts.next(), await hints.next(), await hints.next()]).toEqual([
    "ft_before",
    "everything",
    "ft_before",
  ]);

  await server.stop();
  server = await start();
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
