import { eq, inArray, sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Executor, type OpenDatabase, openDatabase } from "../../src/db/client.ts";
import { apiKeys } from "../../src/db/schema/index.ts";
import { testDatabase } from "../helpers/database.ts";

let database: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database?.close());

const ask = (db: Executor) => db.select({ id: apiKeys.id }).from(apiKeys).where(eq(apiKeys.hash, "none"));

/** What the one connection keeps of statements that name the keys. */
async function keptBy(opened: OpenDatabase): Promise<string[]> {
  const rows = await opened.db.execute<{ statement: string }>(
    sql`select statement from pg_prepared_statements where statement like '%api_keys%' order by prepare_time`,
  );
  return rows.map(({ statement }) => statement);
}

async function onOne<T>(query: string, use: (opened: OpenDatabase) => Promise<T>): Promise<T> {
  const opened = openDatabase(database.url + query, { max: 1 });
  try {
    return await use(opened);
  } finally {
    await opened.close();
  }
}

describe("a connection", () => {
  it("keeps a statement once, whoever asks it, also in transactions and below them", async () => {
    await onOne("", async (opened) => {
      await ask(opened.db);
      await opened.db.transaction(async (tx) => {
        await ask(tx);
        await tx.transaction((inner) => ask(inner));
      });
      expect(await keptBy(opened)).toEqual([ask(opened.db).toSQL().sql]);
    });
  });

  it("keeps none with a list so long that every length would be another", async () => {
    await onOne("", async (opened) => {
      const among = (count: number) =>
        opened.db
          .select({ id: apiKeys.id })
          .from(apiKeys)
          .where(
            inArray(
              apiKeys.id,
              Array.from({ length: count }, (_, i) => `key_${i}`),
            ),
          );
      await among(41);
      expect(await keptBy(opened)).toEqual([]);
      await among(40);
      expect(await keptBy(opened)).toHaveLength(1);
    });
  });

  it("keeps none where the database's URL says so", async () => {
    await onOne("?prepare=false", async (opened) => {
      expect(await ask(opened.db)).toEqual([]);
      expect(await keptBy(opened)).toEqual([]);
    });
  });

  it("goes on where a column of the answer has got another type", async () => {
    await onOne("", async (opened) => {
      await opened.db.execute(sql`create table shifting (id int, what int)`);
      await opened.db.execute(sql`insert into shifting values (1, 2)`);
      const read = async () =>
        Array.from(await opened.db.execute(sql`select what from shifting where id = ${1}`));
      expect(await read()).toEqual([{ what: 2 }]);
      await opened.db.execute(sql`alter table shifting alter column what type text`);
      expect(await read()).toEqual([{ what: "2" }]);
    });
  });
});
