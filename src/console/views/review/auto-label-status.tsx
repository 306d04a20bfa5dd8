import type { AutoLabel } from "../../api/types.ts";
import { duration, plural } from "../../state/text.ts";
import { Bar, Notice } from "../../ui/parts.tsx";

export const isOpen = ({ status }: AutoLabel): boolean => status === "queued" || status === "running";

/** How far a look at all images is, or how it has ended. */
export function AutoLabelStatus({ job }: { job: AutoLabel }) {
  const { done, total, eta_seconds: eta } = job.progress ?? { done: 0, total: 0, eta_seconds: null };
  if (isOpen(job))
    return (
      <section class="card stack-s" aria-label="Label the rest">
        <div class="row between">
          <b>{job.status === "queued" ? "Waits for a trainer" : `Version ${job.version} looks`}</b>
          <span class="muted small nums" role="status">
            {done} of {plural(total, "image")}, {plural(job.found, "object")} found
            {eta !== null && `, ${duration(eta)} left`}
          </span>
        </div>
        <Bar share={total > 0 ? done / total : 0} label="Images looked at" />
      </section>
    );
  if (job.status === "failed")
    return (
      <Notice kind="bad">
        <p>{job.error?.message ?? "It failed."}</p>
      </Notice>
    );
  return (
    <Notice kind={job.failed > 0 ? "warn" : ""}>
      <p>
        Version {job.version} found {plural(job.found, "object")} in{" "}
        {plural(done - job.skipped - job.failed, "image")}
        {job.status === "cancelled" && ", then it was cancelled"}
        {job.left_out > 0 && `; ${plural(job.left_out, "object")} more than an image may have were left out`}
        {job.failed > 0 && `; ${plural(job.failed, "image")} could not be read`}.
      </p>
    </Notice>
  );
}
