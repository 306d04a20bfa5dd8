import { and, eq, inArray, type SQL, sql } from "drizzle-orm";
import type { Executor } from "../client.ts";
import { imports, type ImportStatus, openImport } from "../schema/index.ts";
import type { JobError } from "../../domain/job-error.ts";

export type ImportRow = typeof imports.$inferSelect;

/** The right to write to an import while it runs; a new claim makes it void. */
export interface ImportLease {
  readonly id: string;
  readonly token: string;
}

const holds = (lease: ImportLease): SQL =>
  sql.join(
    [eq(imports.id, lease.id), eq(imports.leaseToken, lease.token), eq(imports.status, "running")],
    sql` and `,
  );

/** Takes the import: a new token, the next attempt, from the start. Null when it has ended or is gone. */
export async function claimImport(
  db: Executor,
  id: string,
): Promise<(ImportRow & { leaseToken: string }) | null> {
  const [row] = await db
    .update(imports)
    .set({
      status: "running",
      leaseToken: sql`gen_random_uuid()`,
      attempt: sql`${imports.attempt} + 1`,
      imagesDone: 0,
      startedAt: sql`coalesce(${imports.startedAt}, now())`,
    })
    .where(and(eq(imports.id, id), inArray(imports.status, [...openImport])))
    .returning();
  return row?.leaseToken ? { ...row, leaseToken: row.leaseToken } : null;
}

/** Gives the import back to the queue, to be run again from the start. */
export async function releaseImport(db: Executor, lease: ImportLease): Promise<boolean> {
  const rows = await db
    .update(imports)
    .set({ status: "queued", leaseToken: null, imagesDone: 0 })
    .where(holds(lease))
    .returning({ id: imports.id });
  return rows.length > 0;
}

export async function setImportProgress(
  db: Executor,
  lease: ImportLease,
  progress: Partial<Pick<ImportRow, "layout" | "skipped" | "notes" | "summary" | "imagesTotal">> & {
    imagesDone: number;
  },
): Promise<boolean> {
  const rows = await db.update(imports).set(progress).where(holds(lease)).returning({ id: imports.id });
  return rows.length > 0;
}

/** Locks the row against new claims until the transaction ends; false when the lease is lost. */
export async function lockImport(tx: Executor, lease: ImportLease): Promise<boolean> {
  const rows = await tx.select({ id: imports.id }).from(imports).where(holds(lease)).for("update");
  return rows.length > 0;
}

export async function succeedImport(
  db: Executor,
  lease: ImportLease,
  created: { imagesCreated: number; annotationsCreated: number },
): Promise<boolean> {
  const rows = await db
    .update(imports)
    .set({ ...created, status: "succeeded", leaseToken: null, finishedAt: sql`now()` })
    .where(holds(lease))
    .returning({ id: imports.id });
  return rows.length > 0;
}

export async function failImport(
  db: Executor,
  lease: ImportLease,
  error: JobError & { file?: string },
): Promise<boolean> {
  const rows = await db
    .update(imports)
    .set({ status: "failed", error, leaseToken: null, finishedAt: sql`now()` })
    .where(holds(lease))
    .returning({ id: imports.id });
  return rows.length > 0;
}

/** For an import that the queue gives up, whoever held it: null when it had ended before. Voids the lease. */
export async function abandonImport(db: Executor, id: string, error: JobError): Promise<ImportRow | null> {
  const [row] = await db
    .update(imports)
    .set({ status: "failed", error, leaseToken: null, finishedAt: sql`now()` })
    .where(and(eq(imports.id, id), inArray(imports.status, [...openImport])))
    .returning();
  return row ?? null;
}

/** Null when the row is gone. */
export async function selectImportStatus(db: Executor, id: string): Promise<ImportStatus | null> {
  const [row] = await db.select({ status: imports.status }).from(imports).where(eq(imports.id, id));
  return row?.status ?? null;
}
