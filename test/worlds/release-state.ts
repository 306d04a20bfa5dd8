import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import type { Sql } from "postgres";
import type { ObjectStore } from "../../src/storage/store.ts";

/**
 * What a release has left in the middle of a fine-tune, as files: its rows as JSON, and the objects that they name below
 * `objects/`. Written by the release, read by every later one.
 */

/** In the order in which they may be written. */
const tables = ["workspaces", "projects", "images", "annotations", "fine_tunes"] as const;

interface State {
  /** The last migration that the release knew. */
  readonly migration: string;
  readonly rows: Readonly<Record<(typeof tables)[number], readonly Record<string, unknown>[]>>;
}

/** Writes all rows of these tables, and these objects. */
export async function writeState(
  folder: string,
  { sql, store, objects }: { sql: Sql; store: ObjectStore; objects: readonly string[] },
): Promise<void> {
  const rows: Record<string, unknown> = {};
  for (const table of tables) {
    const found = await sql<{ row: unknown }[]>`select to_jsonb(t) as row from ${sql(table)} t order by id`;
    rows[table] = found.map(({ row }) => row);
  }
  const journal = JSON.parse(
    await readFile(join(import.meta.dirname, "../../migrations/meta/_journal.json"), "utf8"),
  ) as { entries: { tag: string }[] };
  const put = async (path: string, content: Uint8Array | string): Promise<void> => {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  };
  const state = { migration: journal.entries.at(-1)?.tag, rows };
  await put(join(folder, "state.json"), `${JSON.stringify(state, null, 1)}\n`);
  for (const key of objects) await put(join(folder, "objects", ...key.split("/")), await store.get(key));
}

export const readState = async (folder: string): Promise<State> =>
  JSON.parse(await readFile(join(folder, "state.json"), "utf8")) as State;

/** Writes the rows into a database of the release's own schema. */
export async function loadRows(sql: Sql, { rows }: State): Promise<void> {
  for (const table of tables) {
    for (const row of rows[table]) {
      const columns = sql(Object.keys(row));
      await sql`insert into ${sql(table)} (${columns})
        select ${columns} from jsonb_populate_record(null::${sql(table)}, ${JSON.stringify(row)}::text::jsonb)`;
    }
  }
}

export async function loadObjects(store: ObjectStore, folder: string): Promise<void> {
  const root = join(folder, "objects");
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) continue;
    const path = join(entry.parentPath, entry.name);
    await store.put(relative(root, path).split(sep).join("/"), await readFile(path));
  }
}
