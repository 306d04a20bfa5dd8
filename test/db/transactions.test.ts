import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OpenDatabase, openDatabase } from "../../src/db/client.ts";
import { sql } from "../../src/db/drizzle.ts";
import { testDatabase } from "../helpers/database.ts";

let database: Awaited<ReturnType<typeof testDatabase>>;
let opened: OpenDatabase;
/** Ends the lines to the database without a word, as a machine that goes away does. */
let cut: () => Promise<void>;
let close: () => Promise<void>;

beforeAll(async () => {
  database = await testDatabase();
  const at = new URL(database.url);
  const [port, host] = [Number(at.port), at.hostname];
  const lines = new Set<Socket>();
  const proxy = createServer((near) => {
    const far = connect(port, host);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.pipe(to);
      from.on("error", () => {});
      from.once("close", () => to.destroy());
    }
    lines.add(near);
    near.once("close", () => lines.delete(near));
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  at.port = String((proxy.address() as AddressInfo).port);
  at.hostname = "127.0.0.1";
  opened = openDatabase(at.href, { max: 1 });
  cut = async () => {
    const gone = [...lines].map((line) => once(line, "close"));
    for (const line of lines) line.destroy();
    await Promise.all(gone);
  };
  close = async () => {
    await opened.close();
    await cut();
    proxy.close();
    await database.close();
  };
  await opened.db.execute(sql`create table kept (value integer unique)`);
});
afterAll(() => close?.());

const kept = async (): Promise<number[]> => {
  const rows = await opened.db.execute<{ value: number }>(sql`select value from kept order by value`);
  return rows.map(({ value }) => value);
};
const insert = (value: number) => sql`insert into kept values (${value})`;
const failed = (text: string) => expect.objectContaining({ cause: expect.objectContaining({ code: text }) });

describe("a transaction", () => {
  it("keeps all that it did, or nothing", async () => {
    await opened.db.transaction(async (tx) => tx.execute(insert(1)));
    const broken = opened.db.transaction(async (tx) => {
      await tx.execute(insert(2));
      throw new Error("changed my mind");
    });
    await expect(broken).rejects.toThrow("changed my mind");
    expect(await kept()).toEqual([1]);
  });

  it("takes back a savepoint alone", async () => {
    await opened.db.transaction(async (tx) => {
      await tx.execute(insert(3));
      const inner = tx.transaction(async (nested) => nested.execute(insert(1)));
      await expect(inner).rejects.toEqual(failed("23505"));
      await tx.execute(insert(4));
    });
    expect(await kept()).toEqual([1, 3, 4]);
  });

  it("fails where one of its queries has, whoever caught that", async () => {
    const forgiving = opened.db.transaction(async (tx) => {
      await tx.execute(insert(1)).catch(() => {});
      await tx.execute(insert(5)).catch(() => {});
    });
    await expect(forgiving).rejects.toMatchObject({ code: "23505" });
    expect(await kept()).toEqual([1, 3, 4]);
  });

  it("carries out queries that are sent at once in their order", async () => {
    await opened.db.transaction(async (tx) => {
      await Promise.all([6, 7, 8].map((value) => tx.execute(insert(value))));
    });
    expect(await kept()).toEqual([1, 3, 4, 6, 7, 8]);
  });

  it("fails where Postgres took nothing but said so by no error", async () => {
    const failing = (tx: Pick<OpenDatabase["db"], "execute">) => tx.execute(insert(1));
    const savepoints = opened.db.transaction(async (tx) => {
      await tx.execute(insert(20));
      await Promise.allSettled([tx.transaction(failing), tx.transaction(failing)]);
    });
    await expect(savepoints).rejects.toThrow("rolled back");
    const unawaited = opened.db.transaction(async (tx) => {
      await tx.execute(insert(21));
      failing(tx).catch(() => {});
    });
    await expect(unawaited).rejects.toMatchObject({ code: "23505" });
    expect(await kept()).toEqual([1, 3, 4, 6, 7, 8]);
  });

  it("refuses what comes after its end, however that went", async () => {
    let late: () => Promise<unknown> = async () => {};
    const begin = (how: (tx: Pick<OpenDatabase["db"], "execute">) => Promise<unknown>) =>
      opened.db.transaction(async (tx) => {
        late = async () => tx.execute(insert(23));
        return how(tx);
      });
    await begin((tx) =>
      tx.execute(sql`create table last (value integer unique deferrable initially deferred)`),
    );
    await expect(late()).rejects.toThrow();
    await expect(begin((tx) => tx.execute(insert(1)))).rejects.toThrow();
    await expect(late()).rejects.toThrow();
    const atCommit = begin((tx) => tx.execute(sql`insert into last values (1), (1)`));
    await expect(atCommit).rejects.toMatchObject({ code: "23505" });
    await expect(late()).rejects.toThrow();
    expect(await kept()).toEqual([1, 3, 4, 6, 7, 8]);
  });
});

describe("a line that breaks in a transaction", () => {
  it("ends it while a query is out, and the next one has a new line", async () => {
    const out = opened.db.transaction(async (tx) => {
      await tx.execute(insert(9));
      const sleeping = tx.execute(sql`select pg_sleep(60)`);
      sleeping.catch(() => {});
      await cut();
      await sleeping;
    });
    await expect(out).rejects.toThrow();
    await opened.db.transaction(async (tx) => tx.execute(insert(10)));
    expect(await kept()).toEqual([1, 3, 4, 6, 7, 8, 10]);
  });

  it("ends it between two queries, and what comes later is refused", async () => {
    const late = Promise.withResolvers<void>();
    const refused = Promise.withResolvers<unknown>();
    const between = opened.db.transaction(async (tx) => {
      await tx.execute(insert(11));
      await cut();
      await late.promise;
      await tx.execute(insert(12)).catch((error: unknown) => {
        refused.resolve(error);
        throw error;
      });
    });
    await expect(between).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
    // The one connection is open again, and what is left of the transaction must not find it.
    expect(await kept()).toEqual([1, 3, 4, 6, 7, 8, 10]);
    late.resolve();
    expect(await refused.promise).toEqual(failed("CONNECTION_CLOSED"));
    expect(await kept()).toEqual([1, 3, 4, 6, 7, 8, 10]);
  });
});
