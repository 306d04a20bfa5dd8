import {
  drizzle,
  type PgDatabase,
  type PostgresJsDatabase,
  type PostgresJsQueryResultHKT,
} from "./drizzle.ts";
import postgres, { type Sql } from "postgres";
import { once } from "../lib/once.ts";
import { prepareStatements } from "./prepared.ts";
import { askedWorkspace, beginIn, rowSecurityStands } from "./row-security.ts";
import * as schema from "./schema/index.ts";

export type Database = PostgresJsDatabase<typeof schema>;

/** A database or a transaction in it: what every query function takes first, so that callers can join them. */
export type Executor = PgDatabase<PostgresJsQueryResultHKT, typeof schema>;

export interface OpenDatabase {
  readonly url: string;
  readonly db: Database;
  /**
   * The same connections, for what requests ask: within `inWorkspace` it sees the rows of that workspace alone, wherever
   * the database has the role for it. What several workspaces share, or the process itself does, belongs to `db`.
   */
  readonly requests: Database;
  /**
   * The same connections, for what drizzle has no word for. Drizzle has switched their value mapping off:
   * times come back as text, and JSON goes in as text with a cast (`${JSON.stringify(value)}::jsonb`).
   */
  readonly sql: Sql;
  /** Waits for running queries, at most five seconds. */
  close(): Promise<void>;
}

/**
 * Opens a pool of at most `max` connections. Nothing is connected before the first query.
 * @param url postgres://user:password@host:port/database
 */
export function openDatabase(url: string, options: { max?: number } = {}): OpenDatabase {
  const sql = postgres(url, {
    max: options.max ?? 10,
    onnotice: () => {},
    // Seconds until the next try; its own back-off grows to 20 s, for which all of a database that is back would wait.
    backoff: (attempt) => Math.min(0.05 * 2 ** attempt, 1),
    connection: { application_name: "maskwright" },
  });
  const db = drizzle(prepareStatements(sql), { schema });
  const stands = once(() => rowSecurityStands(sql));
  const beginning = (): Promise<string | null> | null => {
    const workspace = askedWorkspace();
    return workspace === undefined ? null : stands().then((yes) => (yes ? beginIn(workspace) : null));
  };
  const requests = drizzle(prepareStatements(sql, beginning), { schema });
  return { url, db, requests, sql, close: () => sql.end({ timeout: 5 }) };
}
