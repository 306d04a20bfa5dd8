import type { Executor } from "../db/client.ts";
import type { Lease, LeasedTable, Leases } from "../db/queries/leases.ts";
import type { JobError } from "../domain/job-error.ts";

/** Another worker holds the job now, or it has ended or gone; this one must stop and can write nothing more. */
export class LeaseLost extends Error {
  override readonly name: string = "LeaseLost";
}

/** The job was cancelled: the lease is void on purpose. */
export class Cancelled extends LeaseLost {
  override readonly name = "Cancelled";
}

/** A job as its lease holder may write to it: every call throws LeaseLost once the lease is void. */
export class Held<Table extends LeasedTable, Own extends string = never> {
  readonly db: Executor;
  readonly leases: Leases<Table, Own>;
  readonly lease: Lease;

  constructor(db: Executor, leases: Leases<Table, Own>, lease: Lease) {
    this.db = db;
    this.leases = leases;
    this.lease = lease;
  }

  /** What it is about, for whoever finds this process gone. */
  async note(doing: string): Promise<void> {
    await this.must(this.leases.note(this.db, this.lease, doing));
  }

  async write(values: Partial<Table["$inferSelect"]>): Promise<Table["$inferSelect"]> {
    return this.must(this.leases.write(this.db, this.lease, values));
  }

  async succeed(values: Partial<Table["$inferSelect"]>): Promise<void> {
    await this.must(this.leases.succeed(this.db, this.lease, values));
  }

  async fail(error: JobError): Promise<void> {
    await this.must(this.leases.fail(this.db, this.lease, error));
  }

  /** @param unexpected whether it broke; else its process stops */
  async release(_unexpected: boolean): Promise<void> {
    await this.must(this.leases.release(this.db, this.lease));
  }

  protected async must<T>(written: Promise<T | null | false>): Promise<T> {
    const value = await written;
    if (value === null || value === false) throw await whyLost(this.db, this.leases, this.lease.id);
    return value;
  }
}

/** The error that tells why a lease is void. */
export async function whyLost<Table extends LeasedTable, Own extends string>(
  db: Executor,
  leases: Leases<Table, Own>,
  id: string,
): Promise<LeaseLost> {
  const status = await leases.statusOf(db, id);
  if (status === "cancelled") return new Cancelled(`${id} was cancelled`);
  return new LeaseLost(`the lease on ${id} is lost (status ${status ?? "gone"})`);
}
