import type { Executor } from "../../db/client.ts";
import { appendEvent } from "../../db/queries/fine-tune-events.ts";
import {
  failFineTune,
  type FineTuneLease,
  releaseFineTune,
  selectFineTuneStatus,
  setFineTuneCheckpoint,
  setFineTuneFacts,
  setFineTuneProgress,
  setFineTuneStatus,
} from "../../db/queries/fine-tune-leases.ts";
import { noteDoing } from "../../db/queries/job-notes.ts";
import { tellSpan } from "../../lib/trace.ts";
import type { FineTuneProgress, NewEvent } from "../../domain/fine-tune.ts";
import type { JobError } from "../../domain/job-error.ts";

/** Another worker holds the job now, or it has ended or gone; this one must stop and can write nothing more. */
export class LeaseLost extends Error {
  override readonly name: string = "LeaseLost";
}

/** The job was cancelled: the lease is void on purpose. */
export class Cancelled extends LeaseLost {
  override readonly name = "Cancelled";
}

/** A fine-tune as its lease holder may write to it: every call throws LeaseLost once the lease is void. */
export class HeldFineTune {
  readonly #db: Executor;
  readonly lease: FineTuneLease;
  #stopRequested = false;

  constructor(db: Executor, lease: FineTuneLease) {
    this.#db = db;
    this.lease = lease;
  }

  async setStatus(status: "preparing" | "running" | "evaluating"): Promise<void> {
    tellSpan(status);
    await this.#must(setFineTuneStatus(this.#db, this.lease, status));
  }

  /** What it is about, for whoever finds this process gone. */
  async note(doing: string): Promise<void> {
    await this.#must(noteDoing(this.#db, "fine_tune", this.lease, doing));
  }

  async setFacts(facts: {
    snapshotHash?: string;
    engine?: string;
    chosen?: Record<string, unknown>;
  }): Promise<void> {
    await this.#must(setFineTuneFacts(this.#db, this.lease, facts));
  }

  async setProgress(progress: FineTuneProgress): Promise<void> {
    const answer = await setFineTuneProgress(this.#db, this.lease, progress);
    await this.#must(answer !== null);
    this.#stopRequested = answer?.stopRequested ?? false;
  }

  /** Whether training shall end early and keep its best, as the last write of the progress was told. */
  get stopRequested(): boolean {
    return this.#stopRequested;
  }

  async setCheckpoint(key: string): Promise<void> {
    await this.#must(setFineTuneCheckpoint(this.#db, this.lease, key));
  }

  async append(event: NewEvent): Promise<void> {
    await this.#must(appendEvent(this.#db, this.lease, event));
  }

  async fail(error: JobError): Promise<void> {
    await this.append({ level: "error", message: error.message, data: { code: error.code } });
    await this.#must(failFineTune(this.#db, this.lease, error));
  }

  async release(): Promise<void> {
    await this.#must(releaseFineTune(this.#db, this.lease));
  }

  async #must(held: boolean | Promise<boolean>): Promise<void> {
    if (!(await held)) throw await whyLost(this.#db, this.lease.id);
  }
}

/** The error that tells why a lease is void. */
export async function whyLost(db: Executor, fineTuneId: string): Promise<LeaseLost> {
  const status = await selectFineTuneStatus(db, fineTuneId);
  if (status === "cancelled") return new Cancelled(`${fineTuneId} was cancelled`);
  return new LeaseLost(`the lease on ${fineTuneId} is lost (status ${status ?? "gone"})`);
}
