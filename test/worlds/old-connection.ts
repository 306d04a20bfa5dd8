import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { drizzle, migrate } from "../../src/db/drizzle.ts";
import postgres from "postgres";

/** What a release asked of its database while it lived through tools/reference/release-story.ts. */
export interface Recording {
  /** The commit that ran. */
  readonly commit: string;
  /** The last of the migrations that it knew. */
  readonly migration: string;
  /** When it ran, in ISO 8601: times in `runs` are as far from now in a replay as they were then. */
  readonly recorded_at: string;
  /** SQL with $1, $2, ... as its programs sent it. */
  readonly statements: readonly string[];
  /** In their order: the number of a statement, then its arguments as text; null is NULL. */
  readonly runs: readonly (readonly [number, ...(string | null)[]])[];
}

/** What came of one run: names of the columns and the number of rows, or Postgres's error. */
export type Outcome = { readonly columns: string[]; readonly rows: number } | { readonly error: string };

type Entry = { readonly tag: string };
const migrations = join(import.meta.dirname, "../../migrations");

const journalOf = async (folder: string): Promise<{ entries: Entry[] }> =>
  JSON.parse(await readFile(join(folder, "meta/_journal.json"), "utf8")) as { entries: Entry[] };

/** Migrates an empty database as far as a release knew, with the files of today. Throws an Error when the migration is gone. */
export async function migrateTo(url: string, migration: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-migrations-"));
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    const journal = await journalOf(migrations);
    const last = journal.entries.findIndex(({ tag }) => tag === migration);
    if (last < 0) throw new Error(`there is no migration ${migration}`);
    const entries = journal.entries.slice(0, last + 1);
    await mkdir(join(folder, "meta"));
    await writeFile(join(folder, "meta/_journal.json"), JSON.stringify({ ...journal, entries }));
    for (const { tag } of entries) await cp(join(migrations, `${tag}.sql`), join(folder, `${tag}.sql`));
    await migrate(drizzle(sql), { migrationsFolder: folder });
  } finally {
    await sql.end({ timeout: 5 });
    await rm(folder, { recursive: true });
  }
}

/** One connection of the release: its statements stay prepared, as its own client keeps them. */
export class OldConnection {
  readonly #sql: postgres.Sql;
  readonly #recording: Recording;
  readonly #later: number;

  constructor(url: string, recording: Recording) {
    this.#sql = postgres(url, { max: 1, fetch_types: false, onnotice: () => {} });
    this.#recording = recording;
    this.#later = Date.now() - Date.parse(recording.recorded_at);
  }

  /** Prepares every statement; those that the schema of now can't even parse reject. */
  async prepare(): Promise<void> {
    for (const [i, statement] of this.#recording.statements.entries())
      await this.#sql.unsafe(`prepare s${i} as ${statement}`).simple();
  }

  /** Runs everything, one after the other and each for itself: a failure stops nothing. */
  async run(): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    /** By job: the database makes tokens of leases up, so those of the recording hold nothing. */
    const leases = new Map<string, string>();
    for (const [statement, ...values] of this.#recording.runs) {
      const lease = values.map((value) => leases.get(value ?? "")).find((token) => token !== undefined);
      const list = values
        .map((value) => this.#literal(value !== null && uuid.test(value) ? (lease ?? value) : value))
        .join(", ");
      try {
        const rows = await this.#sql.unsafe(`execute s${statement}${list && `(${list})`}`).simple();
        for (const { id, lease_token: token } of rows as Record<string, unknown>[])
          if (typeof id === "string" && typeof token === "string") leases.set(id, token);
        outcomes.push({ columns: (rows.columns ?? []).map(({ name }) => name), rows: rows.count });
      } catch (error) {
        if (!(error instanceof postgres.PostgresError)) throw error;
        outcomes.push({ error: `${error.code}: ${error.message}` });
      }
    }
    return outcomes;
  }

  /** A literal of no type yet: Postgres takes it as what the statement wants. */
  #literal(value: string | null): string {
    if (value === null) return "null";
    const moved = time.test(value) ? new Date(Date.parse(value) + this.#later).toISOString() : value;
    return `'${moved.replaceAll("'", "''")}'`;
  }

  close(): Promise<void> {
    return this.#sql.end({ timeout: 5 });
  }
}

const time = /^20\d\d-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)$/;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
