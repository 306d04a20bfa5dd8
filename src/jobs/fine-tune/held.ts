import type { Executor } from "../../db/client.ts";
import { appendEvent } from "../../db/queries/fine-tune-events.ts";
import { fineTuneLeases, type Lease } from "../../db/queries/leases.ts";
import type { fineTunes } from "../../db/schema/index.ts";
import type { FineTuneProgress, NewEvent } from "../../domain/fine-tune.ts";
import type { FineTuneStep, JobStep } from "../../domain/job-states.ts";
import type { JobError } from "../../domain/job-error.ts";
import { tellSpan } from "../../lib/trace.ts";
import { Held } from "../held.ts";

/** Steps that only fine-tunes take. */
export type OwnStep = Exclude<FineTuneStep, JobStep>;

/** A fine-tune as its lease holder may write to it: every call throws LeaseLost once the lease is void. */
export class HeldFineTune extends Held<typeof fineTunes, OwnStep> {
  #stopRequested = false;

  constructor(db: Executor, lease: Lease) {
    super(db, fineTuneLeases, lease);
  }

  async move(step: OwnStep): Promise<void> {
    const { status } = await this.must(this.leases.move(this.db, this.lease, step));
    tellSpan(status);
  }

  async setProgress(progress: FineTuneProgress): Promise<void> {
    const { stopRequestedAt } = await this.write({ progress });
    this.#stopRequested = stopRequestedAt !== null;
  }

  /** Whether training shall end early and keep its best, as the last write of the progress was told. */
  get stopRequested(): boolean {
    return this.#stopRequested;
  }

  async append(event: NewEvent): Promise<void> {
    await this.must(appendEvent(this.db, this.lease, event));
  }

  override async fail(error: JobError): Promise<void> {
    await this.append({ level: "error", message: error.message, data: { code: error.code } });
    await super.fail(error);
  }

  override async release(unexpected: boolean): Promise<void> {
    if (unexpected)
      await this.append({ level: "warn", message: "An error that was not expected; the job will run again" });
    await super.release(unexpected);
  }
}
