import { expect, test } from "vitest";
import type { OpenDatabase } from "../../src/db/client.ts";
import { JobAborted, jobId, ProcessDied, type RunningJob } from "../../src/queue/jobs.ts";
import { aborted, finish, Mailbox, useQueues } from "./harness.ts";

const { setUp, startQueue } = useQueues();

/** The state of a row's job as pg-boss keeps it, once it is the wanted one. */
async function jobIn(database: OpenDatabase, id: string, state: string) {
  for (;;) {
    const [row] =
      await database.sql`select state, data, retry_count from pgboss.job where id = ${jobId("fine_tune", id)}`;
    if (row?.["state"] === state) return row;
  }
}

test("one plain INSERT is run once, however many trainers listen", async () => {
  const database = await setUp("prj_1");
  const starts = new Mailbox<RunningJob>();
  for (let i = 0; i < 3; i++) {
    await (
      await startQueue(database)
    ).work("fine_tune", async (job) => {
      starts.put(job);
      await finish(database, job.id);
    });
  }
  for (let i = 0; i < 5; i++) {
    await database.sql`insert into fine_tunes (id, project_id) values (${`ft_${i}`}, 'prj_1')`;
    expect(await starts.next()).toMatchObject({ id: `ft_${i}`, projectId: "prj_1", attempt: 1 });
    await jobIn(database, `ft_${i}`, "completed");
  }
  expect(starts.waiting).toBe(0);
  const [count] = await database.sql`select count(*)::int as n from pgboss.job where name = 'fine_tune'`;
  expect(count?.["n"]).toBe(5);
});

test("rows inserted while no trainer was there are found at its start", async () => {
  const database = await setUp("prj_1");
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_early', 'prj_1')`;
  await database.sql`insert into imports (id, project_id, object_key, bytes) values ('imp_early', 'prj_1', 'k', 1)`;
  const starts = new Mailbox<string>();
  const queue = await startQueue(database);
  const run = async (job: RunningJob): Promise<void> => starts.put(job.id);
  await queue.work("fine_tune", run);
  expect(await starts.next()).toBe("ft_early");
  await queue.work("import", run);
  expect(await starts.next()).toBe("imp_early");
});

test("one job of a project at a time over all trainers, and who asked for less comes first", async () => {
  const database = await setUp("prj_a", "prj_b");
  await database.sql`insert into fine_tunes (id, project_id, created_at) values
    ('ft_a1', 'prj_a', now() - interval '4 s'), ('ft_a2', 'prj_a', now() - interval '3 s'),
    ('ft_a3', 'prj_a', now() - interval '2 s'), ('ft_b1', 'prj_b', now() - interval '1 s')`;
  const starts = new Mailbox<string>();
  const ends = new Map<string, () => void>();
  const run = async (job: RunningJob): Promise<void> => {
    const end = new Promise<void>((resolve) => ends.set(job.id, resolve));
    starts.put(job.id);
    await end;
    await finish(database, job.id);
  };
  await (await startQueue(database)).work("fine_tune", run, { concurrency: 2 });
  await (await startQueue(database)).work("fine_tune", run, { concurrency: 2 });
  // Four could run, but two projects have jobs.
  expect([await starts.next(), await starts.next()].sort()).toEqual(["ft_a1", "ft_b1"]);
  ends.get("ft_b1")?.();
  await jobIn(database, "ft_b1", "completed");
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_b2', 'prj_b')`;
  expect(await starts.next()).toBe("ft_b2");
  expect(starts.waiting).toBe(0);
  ends.get("ft_a1")?.();
  expect(await starts.next()).toBe("ft_a2");
  ends.get("ft_a2")?.();
  expect(await starts.next()).toBe("ft_a3");
});

test("a job that keeps failing is tried four times, and then told as failed with the last error", async () => {
  const database = await setUp("prj_1");
  const starts = new Mailbox<number>();
  const exhausted = new Mailbox<unknown[]>();
  const queue = await startQueue(database);
  await queue.work(
    "fine_tune",
    async (job) => {
      starts.put(job.attempt);
      // The back-off is pg-boss's; here nobody waits for it.
      if (job.attempt < 4) {
        void jobIn(database, job.id, "retry").then(
          () => database.sql`update pgboss.job set start_after = now() where state = 'retry'`,
        );
      }
      throw new Error(`attempt ${job.attempt} failed`);
    },
    {
      onExhausted: async (job, error) => {
        exhausted.put([job, error]);
        await finish(database, job.id, "failed");
      },
    },
  );
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_bad', 'prj_1')`;
  expect([await starts.next(), await starts.next(), await starts.next(), await starts.next()]).toEqual([
    1, 2, 3, 4,
  ]);
  expect(await exhausted.next()).toEqual([
    { id: "ft_bad", projectId: "prj_1", attempts: 4 },
    new Error("attempt 4 failed"),
  ]);
  await jobIn(database, "ft_bad", "completed");
});

test("a job that ended two processes is told as failed without being started again, whatever failed besides", async () => {
  const database = await setUp("prj_1");
  const maker = await startQueue(database);
  await maker.stop();
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_poison', 'prj_1')`;
  // As the supervisor leaves it after the second silent end; once somebody lived to tell of an error.
  await database.sql`insert into pgboss.job (name, id, data, state, retry_count, retry_limit, started_on, singleton_key, policy)
    values ('fine_tune', ${jobId("fine_tune", "ft_poison")},
      ${'{"id":"ft_poison","projectId":"prj_1","handedBack":1,"failed":1}'}::jsonb, 'retry', 3, 10000, now(), 'prj_1', 'singleton')`;
  const starts = new Mailbox<string>();
  const exhausted = new Mailbox<unknown[]>();
  const queue = await startQueue(database);
  await queue.work("fine_tune", async (job) => starts.put(job.id), {
    onExhausted: async (job, error) => exhausted.put([job, error]),
  });
  expect(await exhausted.next()).toEqual([
    { id: "ft_poison", projectId: "prj_1", attempts: 3 },
    new ProcessDied(2),
  ]);
  expect(starts.waiting).toBe(0);
});

test("a job that ended one process runs alone: it waits for the others, and then they for it", async () => {
  const database = await setUp("prj_1", "prj_2", "prj_3");
  const maker = await startQueue(database);
  await maker.stop();
  const starts = new Mailbox<string>();
  const goOn = new Map<string, () => void>();
  const run = async (job: RunningJob): Promise<void> => {
    const end = new Promise<void>((resolve) => goOn.set(job.id, resolve));
    starts.put(job.id);
    await end;
    await finish(database, job.id);
  };
  const queue = await startQueue(database);
  await queue.work("fine_tune", run, { concurrency: 3 });
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_first', 'prj_1')`;
  expect(await starts.next()).toBe("ft_first");
  await database.sql`insert into pgboss.job (name, id, data, state, retry_count, retry_limit, started_on, singleton_key, policy)
    values ('fine_tune', ${jobId("fine_tune", "ft_suspect")},
      ${'{"id":"ft_suspect","projectId":"prj_2","handedBack":0}'}::jsonb, 'retry', 0, 10000, now(), 'prj_2', 'singleton')`;
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_suspect', 'prj_2')`;
  const putOff = async (id: string) => {
    const [row] = await database.sql`select data from pgboss.job where id = ${jobId("fine_tune", id)}`;
    return (row?.["data"] as { handedBack: number } | undefined)?.handedBack ?? 0;
  };
  await expect.poll(() => putOff("ft_suspect"), { timeout: 60_000 }).toBeGreaterThan(0);
  expect(starts.waiting).toBe(0);
  goOn.get("ft_first")?.();
  expect(await starts.next()).toBe("ft_suspect");
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_later', 'prj_3')`;
  await expect.poll(() => putOff("ft_later"), { timeout: 60_000 }).toBeGreaterThan(0);
  expect(starts.waiting).toBe(0);
  goOn.get("ft_suspect")?.();
  expect(await starts.next()).toBe("ft_later");
  goOn.get("ft_later")?.();
}, 90_000);

test("a trainer that stops hands its job on at once, and that is no failure", async () => {
  const database = await setUp("prj_1");
  const starts = new Mailbox<RunningJob>();
  const run = async (job: RunningJob): Promise<void> => {
    starts.put(job);
    throw await aborted(job);
  };
  const first = await startQueue(database);
  await first.work("fine_tune", run);
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_1', 'prj_1')`;
  const before = await starts.next();
  const second = await startQueue(database);
  await second.work("fine_tune", run);
  await first.stop();
  expect(before.signal.reason).toEqual(new JobAborted("shutdown"));
  expect(await starts.next()).toMatchObject({ id: "ft_1", attempt: 2 });
  expect(await jobIn(database, "ft_1", "active")).toMatchObject({ data: { handedBack: 1 } });
});

test("a handler that ignores its signal can't end a job that was handed on", async () => {
  const database = await setUp("prj_1");
  const starts = new Mailbox<number>();
  const release = Promise.withResolvers<void>();
  const returned = Promise.withResolvers<void>();
  const first = await startQueue(database);
  await first.work("fine_tune", async (job) => {
    starts.put(job.attempt);
    await release.promise;
    returned.resolve();
  });
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_1', 'prj_1')`;
  expect(await starts.next()).toBe(1);
  const second = await startQueue(database);
  await second.work("fine_tune", async (job) => {
    starts.put(job.attempt);
    throw await aborted(job);
  });
  const stopped = first.stop({ graceMs: 0 });
  expect(await starts.next()).toBe(2);
  release.resolve();
  await returned.promise;
  await stopped;
  expect(await jobIn(database, "ft_1", "active")).toMatchObject({ retry_count: 1 });
});

test("a cancelled job, and one whose project is deleted, is aborted and not run again", async () => {
  const database = await setUp("prj_1", "prj_2");
  const starts = new Mailbox<RunningJob>();
  const queue = await startQueue(database);
  await queue.work(
    "fine_tune",
    async (job) => {
      starts.put(job);
      throw await aborted(job);
    },
    { concurrency: 2 },
  );
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_1', 'prj_1')`;
  const cancelled = await starts.next();
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_2', 'prj_2')`;
  const deleted = await starts.next();
  await finish(database, "ft_1", "cancelled");
  expect(await aborted(cancelled)).toEqual(new JobAborted("cancelled"));
  expect(deleted.signal.aborted).toBe(false);
  await jobIn(database, "ft_1", "completed");
  await database.sql`delete from projects where id = 'prj_2'`;
  expect(await aborted(deleted)).toEqual(new JobAborted("cancelled"));
  await jobIn(database, "ft_2", "completed");
});

test("a row that is set back to queued by hand runs again", async () => {
  const database = await setUp("prj_1");
  const starts = new Mailbox<string>();
  const queue = await startQueue(database);
  await queue.work("fine_tune", async (job) => {
    await finish(database, job.id, "failed");
    starts.put(job.id);
  });
  await database.sql`insert into fine_tunes (id, project_id) values ('ft_1', 'prj_1')`;
  await starts.next();
  await jobIn(database, "ft_1", "completed");
  await finish(database, "ft_1", "queued");
  expect(await starts.next()).toBe("ft_1");
});

test("an image is embedded once, also when it is asked for twice", async () => {
  const database = await setUp("prj_1");
  const starts = new Mailbox<string>();
  const queue = await startQueue(database);
  await queue.sendEmbeds("prj_1", ["img_1"]);
  await queue.sendEmbeds("prj_1", ["img_1", "img_2"]);
  await queue.work("embed", async (job) => starts.put(job.id));
  expect([await starts.next(), await starts.next()]).toEqual(["img_1", "img_2"]);
  expect(starts.waiting).toBe(0);
});
