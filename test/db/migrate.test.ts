import { getTableName, is, PgTable } from "../../src/db/drizzle.ts";
import { afterAll, expect, test } from "vitest";
import { migrate } from "../../src/db/migrate.ts";
import * as schema from "../../src/db/schema/index.ts";
import { testDatabase } from "../helpers/database.ts";

const named = Object.values(schema).flatMap((value) => (is(value, PgTable) ? [getTableName(value)] : []));
const database = await testDatabase();
afterAll(() => database.close());

test("the schema names its tables", () => {
  expect(named).toContain("fine_tunes");
});

test("several processes may migrate an empty database at once", async () => {
  await database.sql`drop schema public cascade`;
  await database.sql`drop schema drizzle cascade`;
  await database.sql`create schema public`;
  await Promise.all([migrate(database.url), migrate(database.url), migrate(database.url)]);
  const tables =
    await database.sql`select table_name from information_schema.tables where table_schema = 'public'`;
  expect(tables.map((row) => String(row["table_name"])).sort()).toEqual(named.sort());
  const applied = await database.sql`select hash from drizzle.__drizzle_migrations`;
  expect(new Set(applied.map((row) => String(row["hash"]))).size).toBe(applied.length);
});
