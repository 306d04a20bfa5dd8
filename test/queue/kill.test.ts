import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { RunningJob } from "../../src/queue/jobs.ts";
import { createQueue } from "../../src/queue/queue.ts";
import { testDatabase } from "../helpers/database.ts";
import { addProjects, finish, log, Mailbox } from "./harness.ts";

test("the job of a trainer that was killed with SIGKILL runs again by itself", async () => {
  const database = await testDatabase();
  onTestFinished(() => database.close());
  await addProjects(database, "prj_1");
  const child = fork(join(import.meta.dirname, "fixtures/trainer.ts"), [database.url]);
  onTestFinished(() => void child.kill("SIGKILL"));
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_1', 'prj_1')`;
  expect((await once(child, "message"))[0]).toEqual({ id: "ft_1", attempt: 1 });

  const starts = new Mailbox<RunningJob>();
  const queue = await createQueue({ databaseUrl: database.url, log });
  onTestFinished(() => queue.stop({ graceMs: 0 }));
  await queue.work("fine_tune", async (job) => {
    starts.put(job);
    await finish(database, job.id);
  });
  child.kill("SIGKILL");
  await once(child, "exit");
  // The test's own time limit, 30 s, is what the product promises.
  expect(await starts.next()).toMatchObject({ id: "ft_1", projectId: "prj_1", attempt: 2 });
}, 30_000);
