import type { FineTune } from "../../api/types.ts";

const open = new Set(["queued", "preparing", "running", "evaluating"]);
export const isOpen = ({ status }: Pick<FineTune, "status">): boolean => open.has(status);

const kinds: Record<string, string> = { succeeded: "good", failed: "bad", cancelled: "", queued: "" };

export const StatusBadge = ({ job }: { job: FineTune }) => (
  <span class={`badge ${kinds[job.status] ?? "info"}`}>
    {isOpen(job) && <span class="dot live" />}
    {job.status}
  </span>
);
