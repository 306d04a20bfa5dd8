import { expect, test } from "vitest";
import { finish, Mailbox, useQueues } from "./harness.ts";

const { setUp, startQueue } = useQueues();

test("a workspace that asks for much stands behind one that asks for little, and moves up as its jobs end", async () => {
  const database = await setUp();
  const { sql } = database;
  for (const [workspace, ...projects] of [
    ["ws_much", "prj_m1", "prj_m2", "prj_m3"],
    ["ws_little", "prj_l1"],
  ] as const) {
    await sql`insert into workspaces (id, name) values (${workspace}, 'w')`;
    for (const id of projects)
      await sql`insert into projects (id, workspace_id, name) values (${id}, ${workspace}, 'p')`;
  }
  const starts = new Mailbox<string>();
  const goOn = new Mailbox<null>();
  const queue = await startQueue(database);
  await queue.work("fine_tune", async (job) => {
    await sql`update fine_tunes set status = 'preparing', started_at = now() where id = ${job.id}`;
    starts.put(job.id);
    await goOn.next();
    await finish(database, job.id);
  });
  const ask = (id: string, project: string) =>
    sql`insert into fine_tunes (id, project_id) values (${id}, ${project})`;
  await ask("ft_m1", "prj_m1");
  expect(await starts.next()).toBe("ft_m1");
  for (const [id, project] of [
    ["ft_m2", "prj_m2"],
    ["ft_m3", "prj_m3"],
    ["ft_l1", "prj_l1"],
  ] as const)
    await ask(id, project);
  const priorities = async () =>
    (
      await sql<{ id: string; priority: number }[]>`
      select data ->> 'id' as id, priority from pgboss.job where state = 'created' order by 1`
    ).map(({ id, priority }) => `${id} ${priority}`);
  await expect.poll(priorities, { timeout: 20_000 }).toEqual(["ft_l1 0", "ft_m2 -1", "ft_m3 -2"]);
  goOn.put(null);
  expect(await starts.next()).toBe("ft_l1");
  await expect.poll(priorities, { timeout: 20_000 }).toEqual(["ft_m2 0", "ft_m3 -1"]);
  goOn.put(null);
  expect(await starts.next()).toBe("ft_m2");
  goOn.put(null);
  expect(await starts.next()).toBe("ft_m3");
  goOn.put(null);
}, 90_000);

test("workspaces take turns at being embedded, from when the second one asks", async () => {
  const database = await setUp("prj_1");
  await database.sql`insert into workspaces (id, name) values ('ws_2', 'two')`;
  await database.sql`insert into projects (id, workspace_id, name) values ('prj_2', 'ws_2', 'p')`;
  const starts = new Mailbox<string>();
  const goOn = new Mailbox<null>();
  const queue = await startQueue(database);
  await queue.sendEmbeds("prj_1", ["a1", "a2", "a3", "a4", "a5"]);
  await queue.work("embed", async (job) => {
    starts.put(job.id);
    await goOn.next();
  });
  const order = [await starts.next()];
  goOn.put(null);
  order.push(await starts.next());
  await queue.sendEmbeds("prj_2", ["b1", "b2", "b3"]);
  await queue.sendEmbeds("prj_1", ["a6"]);
  for (let i = 0; i < 7; i++) {
    goOn.put(null);
    order.push(await starts.next());
  }
  goOn.put(null);
  expect(order.slice(0, 2)).toEqual(["a1", "a2"]);
  const turns = order.slice(2).map((id) => id.slice(0, 1));
  // Whoever begins, nobody goes twice while the other waits.
  for (const [from, to] of [
    [0, 2],
    [2, 4],
    [4, 6],
  ] as const)
    expect(turns.slice(from, to).sort()).toEqual(["a", "b"]);
  expect(order.filter((id) => id.startsWith("a"))).toEqual(["a1", "a2", "a3", "a4", "a5", "a6"]);
}, 60_000);

test("a workspace whose jobs follow each other lets another one in between, however many it has", async () => {
  const database = await setUp("prj_1");
  const { sql } = database;
  await sql`insert into workspaces (id, name) values ('ws_2', 'two')`;
  await sql`insert into projects (id, workspace_id, name) values ('prj_2', 'ws_2', 'p')`;
  const queue = await startQueue(database);
  const starts = new Mailbox<string>();
  const goOn = new Mailbox<null>();
  await queue.work("import", async (job) => {
    await sql`update imports set status = 'running', started_at = now() where id = ${job.id}`;
    starts.put(job.id);
    await goOn.next();
    await sql`update imports set status = 'succeeded' where id = ${job.id}`;
  });
  const ask = (id: string, project: string) =>
    sql`insert into imports (id, project_id, object_key, bytes) values (${id}, ${project}, 'k', 1)`;
  for (let i = 0; i < 6; i++) await ask(`a${i}`, "prj_1");
  const order = [await starts.next()];
  for (let i = 0; i < 3; i++) await ask(`b${i}`, "prj_2");
  await expect
    .poll(
      async () => (await sql`select 1 from pgboss.job where name = 'import' and data ->> 'id' = 'b2'`).length,
      {
        timeout: 20_000,
      },
    )
    .toBe(1);
  for (let i = 0; i < 6; i++) {
    goOn.put(null);
    order.push(await starts.next());
  }
  goOn.put(null);
  expect(order).toEqual(["a0", "b0", "a1", "b1", "a2", "b2", "a3"]);
}, 90_000);
