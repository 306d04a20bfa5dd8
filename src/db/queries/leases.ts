import { and, eq, inArray, type SQL, sql } from "../drizzle.ts";
import type { JobError } from "../../domain/job-error.ts";
import {
  autoLabelStates,
  fineTuneStates,
  type FineTuneStep,
  from,
  importStates,
  type JobStep,
  previewStates,
  type States,
  to,
} from "../../domain/job-states.ts";
import type { Executor } from "../client.ts";
import { autoLabels, fineTunePreviews, fineTunes, imports } from "../schema/index.ts";

/** The right to write to a job's row while it runs. Every statement below tests it; a new claim makes it void. */
export interface Lease {
  readonly id: string;
  readonly token: string;
}

export type LeasedTable = typeof fineTunes | typeof imports | typeof fineTunePreviews | typeof autoLabels;
type Row<Table extends LeasedTable> = Table["$inferSelect"];
type Change<Table extends LeasedTable> = Partial<Row<Table>>;
export type Claimed<Table extends LeasedTable> = Row<Table> & { readonly leaseToken: string };

interface Kind<Table extends LeasedTable, Own extends string> {
  readonly table: Table;
  readonly states: States<Row<Table>["status"], Own | JobStep>;
  /** What a row is set to besides its status, by the step: what the attempt before has left. */
  readonly resets: {
    readonly claim?: Change<Table>;
    readonly release?: Change<Table>;
    /** With every end. */
    readonly end?: Change<Table>;
  };
}

/**
 * The statements that fence a job: whoever writes to its row names the lease, and each step of its states is one UPDATE
 * that tests lease and status together. What `write` and `move` give back is null, and nothing is written, once the
 * lease is void.
 */
export class Leases<Table extends LeasedTable = LeasedTable, Own extends string = never> {
  readonly #kind: Kind<Table, Own>;
  /** All these tables have these columns alike; their types differ by their statuses alone. */
  readonly #table: typeof imports;

  constructor(kind: Kind<Table, Own>) {
    this.#kind = kind;
    this.#table = kind.table as unknown as typeof imports;
  }

  /** True of the row whose lease this is, while the job has neither ended nor been given back. */
  holds(lease: Lease): SQL {
    const held = from(this.#kind.states, "release");
    const table = this.#table;
    return sql`${eq(table.id, lease.id)} and ${eq(table.leaseToken, lease.token)} and ${this.#isIn(held)}`;
  }

  /** Takes the job: a new token, the next attempt, from the start. Null when it has ended or is gone. */
  async claim(db: Executor, id: string, also: Change<Table> = {}): Promise<Claimed<Table> | null> {
    const table = this.#table;
    const [row] = await db
      .update(table)
      .set({
        ...this.#target("claim"),
        leaseToken: sql`gen_random_uuid()`,
        attempt: sql`${table.attempt} + 1`,
        startedAt: sql`coalesce(${table.startedAt}, now())`,
        ...(this.#kind.resets.claim as object),
        ...(also as object),
      })
      .where(and(eq(table.id, id), this.#can("claim")))
      .returning();
    return row?.leaseToken ? (row as Claimed<Table>) : null;
  }

  /** Changes what the row tells, not its status. */
  async write(db: Executor, lease: Lease, values: Change<Table>): Promise<Row<Table> | null> {
    const [row] = await db
      .update(this.#table)
      .set(values as object)
      .where(this.holds(lease))
      .returning();
    return (row as Row<Table> | undefined) ?? null;
  }

  /** Takes a step that only this kind of job has. */
  async move(db: Executor, lease: Lease, step: Own): Promise<Row<Table> | null> {
    return this.#step(db, lease, step, {});
  }

  async succeed(db: Executor, lease: Lease, values: Change<Table>): Promise<Row<Table> | null> {
    return this.#step(db, lease, "succeed", { ...this.#ending(), ...(values as object) });
  }

  async fail(db: Executor, lease: Lease, error: JobError): Promise<Row<Table> | null> {
    return this.#step(db, lease, "fail", { ...this.#ending(), error });
  }

  /** Gives the job back to the queue, to be run again. */
  async release(db: Executor, lease: Lease): Promise<Row<Table> | null> {
    return this.#step(db, lease, "release", { leaseToken: null, ...(this.#kind.resets.release as object) });
  }

  /** For a job that the queue gives up, whoever held it; null when it had ended before. Voids the lease. */
  async giveUp(db: Executor, id: string, error: JobError): Promise<Row<Table> | null> {
    const [row] = await db
      .update(this.#table)
      .set({ ...this.#target("give_up"), ...this.#ending(), error })
      .where(and(eq(this.#table.id, id), this.#can("give_up")))
      .returning();
    return (row as Row<Table> | undefined) ?? null;
  }

  /** Locks the row against cancels and new claims until the transaction ends; false when the lease is lost. */
  async lock(tx: Executor, lease: Lease): Promise<boolean> {
    const { id } = this.#table;
    const rows = await tx.select({ id }).from(this.#table).where(this.holds(lease)).for("update");
    return rows.length > 0;
  }

  /** Why a lease is void: what the row says now. Null when the row is gone. */
  async statusOf(db: Executor, id: string): Promise<Row<Table>["status"] | null> {
    const { status } = this.#table;
    const [row] = await db.select({ status }).from(this.#table).where(eq(this.#table.id, id));
    return row?.status ?? null;
  }

  /** Notes what the job is about, as "reading a.png", for whoever finds its process gone. */
  async note(db: Executor, lease: Lease, doing: string): Promise<boolean> {
    const rows = await db
      .update(this.#table)
      .set({ doing })
      .where(this.holds(lease))
      .returning({ id: this.#table.id });
    return rows.length > 0;
  }

  /** What was noted last; null when nothing was, or the row is gone. */
  async doingOf(db: Executor, id: string): Promise<string | null> {
    const { doing } = this.#table;
    const [row] = await db.select({ doing }).from(this.#table).where(eq(this.#table.id, id));
    return row?.doing ?? null;
  }

  async #step(db: Executor, lease: Lease, step: Own | JobStep, values: object): Promise<Row<Table> | null> {
    const [row] = await db
      .update(this.#table)
      .set({ ...this.#target(step), ...values })
      .where(and(this.holds(lease), this.#can(step)))
      .returning();
    return (row as Row<Table> | undefined) ?? null;
  }

  #ending(): object {
    return { leaseToken: null, finishedAt: sql`now()`, ...(this.#kind.resets.end as object) };
  }

  #target(step: Own | JobStep): { status: never } {
    return { status: to(this.#kind.states, step) as never };
  }

  #can(step: Own | JobStep): SQL {
    return this.#isIn(from(this.#kind.states, step));
  }

  #isIn(statuses: readonly string[]): SQL {
    return inArray(this.#table.status, statuses as never[]);
  }
}

export const fineTuneLeases = new Leases<typeof fineTunes, Exclude<FineTuneStep, JobStep>>({
  table: fineTunes,
  states: fineTuneStates,
  resets: {
    claim: { progress: null },
    release: { leaseHolder: null, progress: null },
    end: { checkpointKey: null },
  },
});

export const importLeases = new Leases<typeof imports>({
  table: imports,
  states: importStates,
  // What was read is kept, so the next attempt goes on from there.
  resets: {},
});

export const previewLeases = new Leases<typeof fineTunePreviews>({
  table: fineTunePreviews,
  states: previewStates,
  resets: { claim: { progress: null }, release: { progress: null } },
});

export const autoLabelLeases = new Leases<typeof autoLabels>({
  table: autoLabels,
  states: autoLabelStates,
  // What was found is kept, so the next attempt goes on from there.
  resets: { claim: { etaSeconds: null }, release: { etaSeconds: null }, end: { etaSeconds: null } },
});
