import type { Sql, TransactionSql } from "postgres";

export interface Table {
  readonly name: string;
  /** In their order; generated ones are left to the database. */
  readonly columns: readonly string[];
}

/** Every table of ours, by name. */
export async function ourTables(sql: Sql | TransactionSql): Promise<Table[]> {
  return sql<{ name: string; columns: string[] }[]>`
    select table_name as name, array_agg(column_name::text order by ordinal_position) as columns
    from information_schema.columns join information_schema.tables using (table_schema, table_name)
    where table_schema = 'public' and table_type = 'BASE TABLE' and is_generated = 'NEVER'
    group by table_name order by table_name`;
}

export interface Reference {
  readonly table: string;
  readonly name: string;
}

/** Every foreign key of ours. */
export async function ourReferences(sql: Sql | TransactionSql): Promise<Reference[]> {
  return sql<{ table: string; name: string }[]>`
    select relname::text as table, conname::text as name
    from pg_constraint join pg_class on pg_class.oid = conrelid join pg_namespace n on n.oid = connamespace
    where contype = 'f' and nspname = 'public' and not condeferrable`;
}

/** The newest migration that the database has, by the time in its journal; 0 for none. */
export async function newestMigration(sql: Sql | TransactionSql): Promise<number> {
  const [row] = await sql<
    { at: string | null }[]
  >`select max(created_at) as at from drizzle.__drizzle_migrations`;
  return Number(row?.at ?? 0);
}

/** A name as SQL takes it. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
