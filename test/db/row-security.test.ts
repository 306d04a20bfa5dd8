import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { type OpenDatabase, openDatabase } from "../../src/db/client.ts";
import { eq, sql } from "../../src/db/drizzle.ts";
import { migrate } from "../../src/db/migrate.ts";
import { apiRole, inWorkspace } from "../../src/db/row-security.ts";
import { images, projects, webhooks } from "../../src/db/schema/index.ts";
import { ourTables } from "../../src/operations/tables.ts";
import { emptyDatabase, testDatabase } from "../helpers/database.ts";

let database: OpenDatabase;
beforeAll(async () => {
  database = await testDatabase();
  await seed(database);
});
afterAll(() => database?.close());

/** Two workspaces, each with a project and an image of it. */
async function seed({ db }: OpenDatabase): Promise<void> {
  for (const name of ["own", "other"]) {
    await db.execute(sql`insert into workspaces (id, name) values (${`ws_${name}`}, ${name})`);
    await db.execute(
      sql`insert into projects (id, workspace_id, name) values (${`prj_${name}`}, ${`ws_${name}`}, ${name})`,
    );
    await db.insert(images).values(imageOf(name));
  }
}

const imageOf = (name: string, id = `img_${name}`) => ({
  id,
  workspaceId: `ws_${name}`,
  projectId: `prj_${name}`,
  sha256: id.length.toString(16).padStart(64, "0"),
  objectKey: id,
  bytes: 10,
  format: "png",
  width: 2,
  height: 2,
});

/** A pool of one connection: what one statement leaves on it the next one meets. */
async function onOne<T>(use: (opened: OpenDatabase) => Promise<T>, url = database.url): Promise<T> {
  const opened = openDatabase(url, { max: 1 });
  try {
    return await use(opened);
  } finally {
    await opened.close();
  }
}

const failed = (code: string) => expect.objectContaining({ cause: expect.objectContaining({ code }) });
const asOwn = <T>(work: () => PromiseLike<T>): Promise<T> => inWorkspace("ws_own", work);

describe("a query that forgot its scope", () => {
  const all = ({ requests }: OpenDatabase) => requests.select({ id: images.id }).from(images);

  it("reads the rows of the request's workspace alone, by itself and in a transaction", async () => {
    await onOne(async (opened) => {
      for (let i = 0; i < 3; i++) expect(await asOwn(() => all(opened))).toEqual([{ id: "img_own" }]);
      const inside = asOwn(() =>
        opened.requests.transaction(async (tx) => tx.select({ id: images.id }).from(images), {
          isolationLevel: "repeatable read",
          accessMode: "read only",
        }),
      );
      expect(await inside).toEqual([{ id: "img_own" }]);
      const named = opened.requests.select({ id: projects.id }).from(projects);
      expect(await asOwn(() => named.where(eq(projects.id, "prj_other")))).toEqual([]);
      expect(await inWorkspace("ws_'", () => all(opened))).toEqual([]);
    });
  });

  it("changes and deletes nothing of others, and writes nothing for them", async () => {
    await onOne(async ({ requests, db }) => {
      await asOwn(() => requests.update(projects).set({ name: "mine" }));
      await asOwn(() => requests.delete(images));
      const rows = await db
        .select({ id: projects.id, name: projects.name })
        .from(projects)
        .orderBy(projects.id);
      expect(rows).toEqual([
        { id: "prj_other", name: "other" },
        { id: "prj_own", name: "mine" },
      ]);
      expect(await db.select({ id: images.id }).from(images)).toEqual([{ id: "img_other" }]);

      const foreign = { id: "wh_1", workspaceId: "ws_other", url: "https://example.com", secret: "s" };
      await expect(asOwn(() => requests.insert(webhooks).values(foreign))).rejects.toEqual(failed("42501"));
      const moved = asOwn(() => requests.update(projects).set({ workspaceId: "ws_other" }));
      await expect(moved).rejects.toEqual(failed("42501"));
      await expect(asOwn(() => requests.insert(images).values(imageOf("other", "img_2")))).rejects.toEqual(
        failed("42501"),
      );
      await asOwn(() => requests.insert(images).values(imageOf("own")));
      const usage = await db.execute(sql`select workspace_id as ws, images from workspace_usage order by 1`);
      expect(Array.from(usage)).toEqual([
        { ws: "ws_other", images: "1" },
        { ws: "ws_own", images: "1" },
      ]);
    });
  });

  it("sees everything where the process asks, and nothing of a request is left on its connection", async () => {
    await onOne(async (opened) => {
      const who = sql`select current_user as role, current_setting('maskwright.workspace', true) as workspace`;
      const [own] = await asOwn(() => opened.requests.execute(who));
      expect(own).toEqual({ role: apiRole, workspace: "ws_own" });
      const [process] = await opened.requests.execute(who);
      expect(process?.["role"]).not.toBe(apiRole);
      expect(process?.["workspace"] ?? "").toBe("");
      expect(await asOwn(() => opened.db.select({ id: images.id }).from(images))).toHaveLength(2);
    });
  });

  it("stays within its workspace among many at once, on few connections", async () => {
    const opened = openDatabase(database.url, { max: 3 });
    const seen = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const name = i % 2 === 0 ? "own" : "other";
        const ask = () =>
          opened.requests
            .select({ id: images.id })
            .from(images)
            .limit(5 + (i % 7))
            .where(eq(images.width, 2));
        const rows = i % 3 === 0 ? await ask() : await inWorkspace(`ws_${name}`, ask);
        return i % 3 === 0 ? rows.length === 2 : rows.length === 1 && rows[0]?.id === `img_${name}`;
      }),
    );
    await opened.close();
    expect(seen.filter((right) => !right)).toEqual([]);
  });
});

describe("a statement in one go", () => {
  it("is refused by what is checked at its end, and the connection goes on", async () => {
    await onOne(async ({ requests, db }) => {
      await db.execute(
        sql`create table ends (id int primary key, other int references ends deferrable initially deferred)`,
      );
      await db.execute(sql`grant all on ends to ${sql.identifier(apiRole)}`);
      const add = (id: number, other: number) =>
        asOwn(() => requests.execute(sql`insert into ends values (${id}, ${other})`));
      await expect(add(1, 7)).rejects.toEqual(failed("23503"));
      await add(1, 1);
      await expect(add(1, 1)).rejects.toEqual(failed("23505"));
      await expect(asOwn(() => requests.execute(sql`select wrong from ends`))).rejects.toEqual(
        failed("42703"),
      );
      expect(Array.from(await asOwn(() => requests.execute(sql`select id from ends`)))).toEqual([{ id: 1 }]);
      await db.execute(sql`drop table ends`);
    });
  });

  it("is refused by itself where it can't be written, and the connection goes on", async () => {
    await onOne(async ({ requests }) => {
      const { $client: client } = requests as unknown as { $client: postgres.Sql };
      const unsafe = (value: unknown) =>
        asOwn(() => client.unsafe("select $1::text as value", [value as string]));
      await expect(unsafe(undefined)).rejects.toMatchObject({ code: "UNDEFINED_VALUE" });
      expect(Array.from(await unsafe("written"))).toEqual([{ value: "written" }]);
    });
  });

  it("is rejected with its connection", async () => {
    await onOne(async ({ requests, db }) => {
      await asOwn(() => requests.execute(sql`select 1`));
      const slow = asOwn(() => requests.execute(sql`select pg_sleep(60) /* ${sql.raw("cut")} */`));
      const broken = expect(slow).rejects.toThrow();
      await expect
        .poll(async () => {
          const rows = await database.db.execute(
            sql`select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(60)%' and pid <> pg_backend_pid()`,
          );
          return rows.length;
        })
        .toBe(1);
      await broken;
      // postgres.js tells the next one, too.
      await db.execute(sql`select 1`).catch(() => {});
      expect(await asOwn(() => requests.select({ id: images.id }).from(images))).toHaveLength(1);
      expect(await db.select({ id: images.id }).from(images)).toHaveLength(2);
    });
  });
});

it("each table has a policy, but for those that are no workspace's", async () => {
  const names = (await ourTables(database.sql)).map(({ name }) => name);
  const held = await database.sql<{ name: string }[]>`
    select relname as name from pg_class where relrowsecurity
      and exists (select from pg_policy where polrelid = pg_class.oid)`;
  const without = names.filter((name) => !held.some((one) => one.name === name));
  expect(names.length).toBeGreaterThan(25);
  expect(without).toEqual(["base_model_signatures", "rate_buckets", "scrubs", "signing_secrets"]);
  const open = await database.sql<{ name: string }[]>`
    select relname as name from pg_class where has_table_privilege(${apiRole}, oid, 'select') and relname in ${database.sql(without)}`;
  expect(open.map(({ name }) => name)).toEqual(["signing_secrets"]);
});

describe("a login that is no superuser", () => {
  /** A database that belongs to a new login, migrated by it. */
  async function ownedBy(rights: string, use: (url: string) => Promise<void>): Promise<void> {
    const empty = await emptyDatabase();
    const admin = postgres(inject("postgres").adminUrl, { max: 1, onnotice: () => {} });
    const url = new URL(empty.url);
    const login = `login_${url.pathname.slice(1)}`;
    try {
      await admin.unsafe(`create role ${login} login password 'secret' ${rights}`);
      await admin.unsafe(`alter database ${url.pathname.slice(1)} owner to ${login}`);
      Object.assign(url, { username: login, password: "secret" });
      await use(url.href);
    } finally {
      await empty.close();
      await admin.unsafe(`drop role ${login}`);
      await admin.end();
    }
  }

  it("is held like others where it may take the role", async () => {
    await ownedBy(`in role ${apiRole}`, async (url) => {
      expect(await migrate(url)).toEqual({ withoutRowSecurity: null });
      expect(await migrate(url)).toEqual({ withoutRowSecurity: null });
      await onOne(async (opened) => {
        await seed(opened);
        expect(await asOwn(() => opened.requests.select({ id: images.id }).from(images))).toEqual([
          { id: "img_own" },
        ]);
        expect(await opened.db.select({ id: images.id }).from(images)).toHaveLength(2);
      }, url);
    });
  });

  it("is told why where it may not, and goes on with the scope of its queries", async () => {
    await ownedBy("", async (url) => {
      expect(await migrate(url)).toEqual({
        withoutRowSecurity: expect.stringContaining("permission denied"),
      });
      await onOne(async (opened) => {
        await seed(opened);
        expect(await asOwn(() => opened.requests.select({ id: images.id }).from(images))).toHaveLength(2);
      }, url);
    });
  });
});
