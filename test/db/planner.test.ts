import { afterAll, beforeAll, expect, test } from "vitest";
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
    const [plan] = await sql`explain (format json) select * from ${sql(table)}
      where workspace_id = ${own.workspace} and project_id = ${own.project}
      order by created_at desc, id desc limit 21`;
    expect(JSON.stringify(plan?.["QUERY PLAN"])).toContain(`"${table}_project_idx"`);
    expect(JSON.stringify(plan?.["QUERY PLAN"])).not.toContain('"Sort"');
  }
});
