import { join } from "node:path";
import { drizzle, migrate as runMigrations } from "./drizzle.ts";
import postgres from "postgres";
import { raiseRowSecurity } from "./row-security.ts";

/** Any fixed number; every process that migrates takes this lock first. */
const migrationLock = 7_237_541;

/** What a migration could not do. */
export interface Migrated {
  /** Why Postgres itself does not hold requests to their workspace; null where it does. See row-security.ts. */
  readonly withoutRowSecurity: string | null;
}

/** Brings the database to the newest schema. Any number of processes may call it at once: one works, the others wait. */
export async function migrate(url: string): Promise<Migrated> {
  // One connection, because the lock belongs to a session.
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await sql`select pg_advisory_lock(${migrationLock})`;
    await runMigrations(drizzle(sql), { migrationsFolder: join(import.meta.dirname, "../../migrations") });
    return { withoutRowSecurity: await raiseRowSecurity(sql) };
  } finally {
    // Ending the session also frees the lock.
    await sql.end({ timeout: 5 });
  }
}
