import { pipeline } from "node:stream/promises";
import postgres, { type TransactionSql } from "postgres";
import { migrate } from "../db/migrate.ts";
import type { ObjectStore } from "../storage/store.ts";
import { type BackupManifest, checkBackup, objectPath, rowsOf } from "./backup.ts";
import { newestMigration, quoted, ourReferences } from "./tables.ts";

/**
 * Brings a backup back into a database without a workspace and its object store. Every file is checked first; rows
 * come back in one transaction, after the objects that they name. Jobs that ran wait again, from their beginning.
 * Throws an Error that says what is in the way; nothing has changed then, but for objects.
 */
export async function restore(options: {
  databaseUrl: string;
  store: ObjectStore;
  folder: string;
}): Promise<BackupManifest> {
  const { databaseUrl, store, folder } = options;
  const manifest = await checkBackup(folder);
  await migrate(databaseUrl);
  const sql = postgres(databaseUrl, { max: 1, onnotice: () => {} });
  try {
    const [found] = await sql<{ n: number }[]>`select count(*)::int as n from workspaces`;
    if (found?.n !== 0) throw new Error("the database has a workspace: a backup goes into an empty one only");
    if ((await newestMigration(sql)) < manifest.migration)
      throw new Error("the backup is of a newer release than this one: restore it with that release");
    for (const { key } of manifest.objects) await store.putFile(key, objectPath(folder, key));
    await sql.begin(async (tx) => {
      // Rows refer to each other in rings, so that no order of tables is right: references are checked at the end.
      const references = await ourReferences(tx);
      for (const { table, name } of references)
        await tx.unsafe(
          `alter table ${quoted(table)} alter constraint ${quoted(name)} deferrable initially deferred`,
        );
      const names = manifest.tables.map(({ name }) => quoted(name));
      // Triggers would tell of what was told long ago.
      for (const name of names) await tx.unsafe(`alter table ${name} disable trigger user`);
      for (const table of manifest.tables) await fill(tx, folder, table);
      await tx.unsafe("set constraints all immediate");
      for (const name of names) await tx.unsafe(`alter table ${name} enable trigger user`);
      for (const { table, name } of references)
        await tx.unsafe(`alter table ${quoted(table)} alter constraint ${quoted(name)} not deferrable`);
      await queueAgain(tx);
      await countAgain(tx, manifest);
    });
    return manifest;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function fill(
  tx: TransactionSql,
  folder: string,
  { name, columns }: BackupManifest["tables"][number],
): Promise<void> {
  const table = quoted(name);
  // What a migration or a first start has put there.
  await tx.unsafe(`delete from ${table}`);
  const rows = await tx.unsafe(`copy ${table} (${columns.map(quoted).join(", ")}) from stdin`).writable();
  await pipeline(rowsOf(folder, name), rows);
  const counted = await tx<{ column: string }[]>`
    select column_name as column from information_schema.columns
    where table_schema = 'public' and table_name = ${name} and is_identity = 'YES'`;
  for (const { column } of counted) {
    const highest = `(select coalesce(max(${quoted(column)}), 0) + 1 from ${table})`;
    await tx.unsafe(`select setval(pg_get_serial_sequence('${table}', '${column}'), ${highest}, false)`);
  }
}

/** The queue's own jobs are no part of a backup: rows that wait make them anew. */
async function queueAgain(tx: TransactionSql): Promise<void> {
  await tx`
    update fine_tunes set status = 'queued', lease_token = null, lease_holder = null, progress = null,
      checkpoint_key = null where status in ('preparing', 'running', 'evaluating')`;
  await tx`update imports set status = 'queued', lease_token = null where status = 'running'`;
  await tx`update fine_tune_previews set status = 'queued', lease_token = null where status = 'running'`;
  await tx`update auto_labels set status = 'queued', lease_token = null where status = 'running'`;
}

/** Embeddings are no part of a backup, and one of an earlier release has no counters. */
async function countAgain(tx: TransactionSql, { tables }: BackupManifest): Promise<void> {
  await tx`delete from stored_embeddings`;
  await tx`select recount_workspace_usage()`;
  if (!tables.some(({ name }) => name === "training_usage")) await tx`select recount_training_usage()`;
}
