import { AsyncLocalStorage } from "node:async_hooks";
import type { Sql } from "postgres";
import { getTableName, is, PgTable } from "./drizzle.ts";
import * as schema from "./schema/index.ts";
import { transact } from "./transactions.ts";

/**
 * Row-level security: what a request asks of the database once its key is known is asked as a role that sees the rows of
 * one workspace, by the policies of the migration `row_level_security`. It is a second wall, behind queries that all take
 * a scope. See docs/adr/0034-row-level-security.md.
 */

/** The role, which owns nothing and can't log in; one for all databases of a cluster. The policies name it. */
export const apiRole = "maskwright_api";

/** What no request asks for a workspace. */
const notForRequests: ReadonlySet<string> = new Set(["base_model_signatures", "rate_buckets", "scrubs"]);

const workspaces = new AsyncLocalStorage<string | undefined>();

/** Runs what asks for one workspace alone: its statements see no other rows, nor do those of what it leaves running. */
export const inWorkspace = <T>(workspaceId: string, work: () => PromiseLike<T>): Promise<T> =>
  // Drizzle's statements are sent where somebody waits for them.
  workspaces.run(workspaceId, async () => work());

/** Runs what the process itself asks, wherever it is called from: it sees all rows. */
export const asProcess = <T>(work: () => PromiseLike<T>): Promise<T> =>
  workspaces.run(undefined, async () => work());

/** The workspace that is asked for here; undefined is the process itself. */
export const askedWorkspace = (): string | undefined => workspaces.getStore();

/** Begins a transaction that sees one workspace. Role and setting end with it, whichever connection it has had. */
export const beginIn = (workspaceId: string): string =>
  `begin; set local role ${apiRole}; set local maskwright.workspace = '${workspaceId.replaceAll("'", "''")}'`;

/** Postgres's words for "you may not" and for a role that is not there. */
const refusals: ReadonlySet<unknown> = new Set(["42501", "22023"]);

const isRefusal = (error: unknown): error is Error =>
  refusals.has((error as { code?: unknown } | null)?.code);

/** What a query answers as `yes` when the role asks it. */
const asApiRole = (sql: Sql, query: string): Promise<unknown> =>
  transact(
    ((...asked) => sql.unsafe(...asked)) as Sql["unsafe"],
    async (tx) => {
      const [row] = await tx.unsafe<{ yes: unknown }[]>(query);
      return row?.yes;
    },
    `begin; set local role ${apiRole}`,
  );

/** Whether this login may take the role, and the role has the policies over it. Rejects where the database can't say. */
export async function rowSecurityStands(sql: Sql): Promise<boolean> {
  try {
    const held = "row_security_active('projects') and has_table_privilege('projects', 'delete')";
    return (await asApiRole(sql, `select ${held} as yes`)) === true;
  } catch (error) {
    if (isRefusal(error)) return false;
    throw error;
  }
}

/**
 * Makes the role where there is none, and gives it what requests need. Answers null, or the reason why this login can't:
 * then requests are held by the scope of their queries alone.
 */
export async function raiseRowSecurity(sql: Sql): Promise<string | null> {
  try {
    await makeRole(sql);
    await grantTables(sql);
  } catch (error) {
    if (isRefusal(error)) return error.message;
    throw error;
  }
  return (await rowSecurityStands(sql)) ? null : `the role ${apiRole} passes the policies by`;
}

async function makeRole(sql: Sql): Promise<void> {
  const [found] = await sql`select from pg_roles where rolname = ${apiRole}`;
  if (!found) {
    await sql.unsafe(`create role ${apiRole} nologin`).catch((error: { code?: unknown }) => {
      // Another database of the cluster was first.
      if (error.code !== "42710" && error.code !== "23505") throw error;
    });
  }
  const takes = await asApiRole(sql, "select true as yes").catch((error: unknown) => {
    if (isRefusal(error)) return false;
    throw error;
  });
  if (takes !== true) await sql.unsafe(`grant ${apiRole} to current_user`);
}

/** What is granted already stays untouched. */
async function grantTables(sql: Sql): Promise<void> {
  const names = Object.values(schema)
    .filter((one) => is(one, PgTable))
    .map((table) => getTableName(table))
    .filter((name) => !notForRequests.has(name));
  const rows = await sql<{ table: string; sequence: string | null }[]>`
    select format('%I', relname) as table, pg_get_serial_sequence(relname, attname) as sequence
    from pg_class left join pg_attribute on attrelid = pg_class.oid and atthasdef and attidentity = ''
      and pg_get_serial_sequence(relname, attname) is not null
    where pg_class.oid = any(select to_regclass(name) from unnest(${names}::text[]) as name)
      and not has_table_privilege(${apiRole}, pg_class.oid, 'delete')`;
  if (rows.length > 0) {
    const list = rows.map(({ table }) => table).join(", ");
    await sql.unsafe(`grant select, insert, update, delete on ${list} to ${apiRole}`);
  }
  for (const { sequence } of rows)
    if (sequence !== null) await sql.unsafe(`grant usage on sequence ${sequence} to ${apiRole}`);
  const [usable] = await sql`select has_schema_privilege(${apiRole}, 'public', 'usage') as can`;
  if (usable?.["can"] !== true) await sql.unsafe(`grant usage on schema public to ${apiRole}`);
}
