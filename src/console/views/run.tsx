import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client.ts";
import { followFineTune } from "../api/events.ts";
import type { FineTune, FineTuneEvent, Version } from "../api/types.ts";
import { useLoad } from "../state/load.ts";
import { href } from "../state/router.ts";
import { curveOf, trialsOf } from "../state/run.ts";
import { dateTime, duration, versionName } from "../state/text.ts";
import { attempt } from "../state/toasts.ts";
import { Await, Bar, Button, Head, Notice } from "../ui/parts.tsx";
import { Curves } from "./run/curves.tsx";
import { isOpen, StatusBadge } from "./run/status.tsx";
import { Trials } from "./run/trials.tsx";
import type { InProject } from "./in-project.ts";
import { Result } from "./result.tsx";

export function RunView({ project, reload, id }: InProject & { id: string }) {
  const path = `/v1/projects/${project.id}/fine-tunes/${id}`;
  const job = useLoad((signal) => api.get<FineTune>(path, signal), [path]);
  const [events, setEvents] = useState<readonly FineTuneEvent[]>([]);
  const [line, setLine] = useState(true);
  useEffect(
    () =>
      followFineTune(project.id, id, {
        event: (event) =>
          setEvents((old) => (old.some((one) => one.id === event.id) ? old : [...old, event])),
        end: (ended) => {
          job.set(ended);
          // What it made may be live by now.
          reload();
        },
        line: setLine,
      }),
    [path],
  );
  // Within an epoch there are no events, but the job tells how far it is.
  const open = job.data !== undefined && isOpen(job.data);
  useEffect(() => {
    if (!open) return undefined;
    const timer = setInterval(() => {
      void api.get<FineTune>(path).then(job.set, () => {});
    }, 1000);
    return () => clearInterval(timer);
  }, [open, path]);
  return (
    <Await of={job}>
      {(data) => (
        <>
          <Head title="Fine-tune" actions={<RunActions job={data} path={path} onChange={job.set} />}>
            Started {dateTime(data.created_at)} from {versionName(data.base_version)}.
          </Head>
          <Progress job={data} line={line} />
          {data.version !== null && <Made project={project} reload={reload} number={data.version} />}
          <Curves epochs={curveOf(events)} base={baseIou(events)} best={null} live={open} />
          <Trials trials={trialsOf(events)} />
          <Log events={events} open={!data.version} />
        </>
      )}
    </Await>
  );
}

const baseIou = (events: readonly FineTuneEvent[]): number | null => {
  const found = events.find((event) => typeof event.data["base_mean_iou"] === "number");
  return (found?.data["base_mean_iou"] as number | undefined) ?? null;
};

function RunActions({
  job,
  path,
  onChange,
}: {
  job: FineTune;
  path: string;
  onChange: (job: FineTune) => void;
}) {
  if (!isOpen(job)) return null;
  const act = (verb: "stop" | "cancel", done: string) => () =>
    attempt(async () => onChange(await api.post<FineTune>(`${path}/${verb}`)), done);
  return (
    <>
      <Button
        icon="stop"
        disabled={job.status !== "running" || job.stop_requested_at !== null}
        title="Ends training now and keeps the best epoch so far"
        onClick={act("stop", "It stops after this epoch and keeps the best one.")}
      >
        {job.stop_requested_at === null ? "Stop and keep" : "Stopping …"}
      </Button>
      <Button kind="danger" icon="close" onClick={act("cancel", "Cancelled.")}>
        Cancel
      </Button>
    </>
  );
}

const phases: Record<string, string> = {
  embed: "Reading the images",
  search: "Trying recipes",
  train: "Training",
  evaluate: "Measuring on images it has not seen",
  find: "Learning to find objects without prompts",
  refit: "Training on all images",
  register: "Saving the version",
};

function Progress({ job, line }: { job: FineTune; line: boolean }) {
  if (!isOpen(job)) {
    const took =
      job.started_at && job.finished_at
        ? (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000
        : null;
    return (
      <div class="row" role="status">
        <StatusBadge job={job} />
        {took !== null && <span class="muted small">after {duration(took)}</span>}
        {job.error && (
          <Notice kind="bad">
            <p>{job.error.message}</p>
          </Notice>
        )}
      </div>
    );
  }
  const { progress } = job;
  const phase = progress ? (phases[progress.phase] ?? progress.phase) : "Waiting for a trainer";
  return (
    <section class="card tight stack-s" aria-label="Progress">
      <div class="row between">
        <span class="row" role="status">
          <StatusBadge job={job} />
          <b>{phase}</b>
        </span>
        <span class="muted nums">
          {progress?.eta_seconds == null || progress.total === 0
            ? ""
            : `about ${duration(progress.eta_seconds)} left`}
          {!line && " · the line broke, trying again"}
        </span>
      </div>
      <Bar share={progress && progress.total > 0 ? progress.done / progress.total : 0} label={phase} />
    </section>
  );
}

function Made({ project, reload, number }: InProject & { number: number }) {
  const version = useLoad(
    (signal) => api.get<Version>(`/v1/projects/${project.id}/versions/${number}`, signal),
    [project.id, number, project.active_version],
  );
  return (
    <Await of={version}>
      {(data) => (
        <>
          <Result project={project} reload={reload} version={data} />
          <p>
            <a href={href("projects", project.id, "versions", number)}>
              All about version {number}: exports, settings, use
            </a>
          </p>
        </>
      )}
    </Await>
  );
}

function Log({ events, open }: { events: readonly FineTuneEvent[]; open: boolean }) {
  return (
    <details class="card tight" open={open}>
      <summary>
        <b>Log</b> <span class="muted small nums">{events.length} messages</span>
      </summary>
      <ol class="log">
        {events.toReversed().map((event) => (
          <li key={event.id} class={event.level}>
            <time class="muted" dateTime={event.created_at}>
              {new Date(event.created_at).toLocaleTimeString("en")}
            </time>
            <span>{event.message}</span>
          </li>
        ))}
      </ol>
    </details>
  );
}
