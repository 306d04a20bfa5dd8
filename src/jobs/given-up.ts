import type { Executor } from "../db/client.ts";
import { type NotedJob, selectDoing } from "../db/queries/job-notes.ts";
import type { JobError } from "../domain/job-error.ts";
import { ProcessDied } from "../queue/jobs.ts";

/** What the row of a job says that the queue has given up. */
export async function givenUp(
  db: Executor,
  job: { readonly kind: NotedJob; readonly id: string; readonly attempts: number },
  error: unknown,
): Promise<JobError> {
  if (error instanceof ProcessDied) {
    const doing = (await selectDoing(db, job.kind, job.id)) ?? "beginning with it";
    return {
      code: "process_ended_twice",
      message: `The process ended twice while ${doing}. It is not tried again by itself.`,
    };
  }
  return {
    code: "internal_error",
    message: `It failed in each of ${job.attempts} attempts; the trainer's log says why.`,
  };
}
