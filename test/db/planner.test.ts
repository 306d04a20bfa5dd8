import { afterAll, beforeAll, expect, test } from "vitest";
import { sql as orm } from "../../src/db/drizzle.ts";
import { inWorkspace } from "../../src/db/row-security.ts";
import { testDatabase } from "../helpers/database.ts";
import { fill } from "../worlds/fill.ts";

let database: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.close());

const own = { workspace: "ws_own", project: "prj_own" };

test("the planner knows of each table with both that a project is of one workspace", async () => {
  const both = await database.sql<{ name: string }[]>`
    select table_name as name from information_schema.columns
    where table_schema = 'public' and column_name in ('workspace_id', 'project_id') and is_nullable = 'NO'
    group by table_name having count(*) = 2 order by 1`;
  const known = await database.sql<{ name: string }[]>`
    select relname as name from pg_statistic_ext join pg_class on pg_class.oid = stxrelid
    where 'f' = any(stxkind) order by 1`;
  expect(both.length).toBeGreaterThan(10);
  expect(known.map(({ name }) => name)).toEqual(both.map(({ name }) => name));
});

test("a page of a large project is read off its index, not out of all of its rows", async () => {
  const { sql } = database;
  await sql`insert into workspaces (id, name) values (${own.workspace}, 'own')`;
  await sql`insert into projects (id, workspace_id, name) values (${own.project}, ${own.workspace}, 'own')`;
  await fill(sql, own, [0, 10_000]);
  for (const table of ["images", "annotations", "predictions"]) {
    const page = orm`explain (format json) select * from ${orm.identifier(table)}
      where workspace_id = ${own.workspace} and project_id = ${own.project} and (created_at, id) < (now(), 'x')
      order by created_at desc, id desc limit 21`;
    const plans = [
      await database.db.execute(page),
      await inWorkspace(own.workspace, () => database.requests.execute(page)),
    ].map(([row]) => JSON.stringify(row?.["QUERY PLAN"]));
    for (const plan of plans) {
      expect(plan).toContain(`"${table}_project_idx"`);
      expect(plan).not.toContain('"Sort"');
    }
    // What a request asks goes by the policy, too.
    expect(plans.map((plan) => plan.includes("maskwright.workspace"))).toEqual([false, true]);
  }
});
