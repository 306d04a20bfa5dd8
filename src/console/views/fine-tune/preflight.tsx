import { useEffect } from "preact/hooks";
import { api } from "../../api/client.ts";
import type { Page, Preview } from "../../api/types.ts";
import { useLoad } from "../../state/load.ts";
import { href } from "../../state/router.ts";
import { ago, duration, score, signed } from "../../state/text.ts";
import { attempt } from "../../state/toasts.ts";
import { Chart } from "../../ui/chart.tsx";
import { Bar, Button, Notice, Stat } from "../../ui/parts.tsx";
import { useOffered } from "../../ui/shell.tsx";

const route = "/v1/projects/{project_id}/fine-tune-previews";
const open = (preview: Preview | undefined): boolean =>
  preview?.status === "queued" || preview?.status === "running";

const doing = { check: "Checking masks", embed: "Reading images", train: "Trying short runs" } as const;

/** The look at the data before a fine-tune: what is wrong with it, how long it takes, what more images would bring. */
export function Preflight({ projectId }: { projectId: string }) {
  const offered = useOffered([route]).has(route);
  return offered ? <Check projectId={projectId} /> : null;
}

function Check({ projectId }: { projectId: string }) {
  const path = `/v1/projects/${projectId}`;
  const latest = useLoad(
    async (signal) =>
      (await api.get<Page<Preview>>(`${path}/fine-tune-previews?limit=1`, signal)).data[0] ?? null,
    [projectId],
  );
  const preview = latest.data ?? undefined;
  const running = open(preview);
  useEffect(() => {
    if (!running) return undefined;
    const timer = setInterval(latest.reload, 1000);
    return () => clearInterval(timer);
  }, [running]);
  const start = (): Promise<boolean> =>
    attempt(async () => latest.set(await api.post<Preview>(`${path}/fine-tunes:preview`, {})));
  const { progress } = preview ?? {};
  return (
    <section class="card stack">
      <div class="row between">
        <div class="grow">
          <h2>Check the data first</h2>
          <p class="muted small">
            Looks for faulty masks, tries short runs and tells what more images would bring. It takes about a
            minute.
          </p>
        </div>
        <Button onClick={start} disabled={running || latest.data === undefined}>
          {preview ? "Check again" : "Check"}
        </Button>
      </div>
      {running && (
        <div class="stack-s" role="status">
          <p class="small">{(progress && doing[progress.phase]) ?? "Waiting for a trainer"} …</p>
          <Bar share={progress && progress.total > 0 ? progress.done / progress.total : 0} label="Check" />
        </div>
      )}
      {preview?.error && (
        <Notice kind="bad">
          <p>{preview.error.message}</p>
        </Notice>
      )}
      {preview?.result && <Findings projectId={projectId} preview={preview} result={preview.result} />}
    </section>
  );
}

const kinds = { error: "bad", warning: "warn", info: "" } as const;

function Findings({
  projectId,
  preview,
  result,
}: {
  projectId: string;
  preview: Preview;
  result: NonNullable<Preview["result"]>;
}) {
  const { curve, estimate, findings, verdict } = result;
  return (
    <>
      <Notice kind="good">
        <p>
          <b>{verdict.message}</b> <span class="muted small">Checked {ago(preview.created_at)}.</span>
        </p>
      </Notice>
      {findings.map((finding) => (
        <Notice key={`${finding.code} ${finding.message}`} kind={kinds[finding.severity]}>
          <p>{finding.message}</p>
          {finding.image_ids.length > 0 && (
            <p class="small">
              {finding.image_ids.slice(0, 5).map((id, i) => (
                <span key={id}>
                  {i > 0 && ", "}
                  <a href={href("projects", projectId, "annotate", id)}>image {i + 1}</a>
                </span>
              ))}
            </p>
          )}
        </Notice>
      ))}
      {(estimate || curve) && (
        <div class="stats">
          {estimate && <Stat value={`≈ ${duration(estimate.seconds)}`} label="a fine-tune takes" />}
          {curve && <Stat value={score(curve.base_iou)} label="untuned IoU" />}
          {curve && <Stat value={signed(curve.gain_from_twice.mean)} label="IoU from twice the images" />}
        </div>
      )}
      {curve && curve.points.length > 1 && (
        <figure>
          <figcaption class="small">
            <b>Learning curve</b> <span class="muted">IoU by the number of training images, short runs</span>
          </figcaption>
          <Chart
            label="IoU by training images"
            height={190}
            x={{ label: "Images", values: curve.points.map(({ images }) => images) }}
            series={[
              { label: "IoU", colour: "--chart-1", values: curve.points.map(({ iou }) => iou.mean) },
              { label: "95 % low", colour: "--chart-1", values: curve.points.map(({ iou }) => iou.low) },
              { label: "95 % high", colour: "--chart-1", values: curve.points.map(({ iou }) => iou.high) },
              {
                label: "Untuned",
                colour: "--chart-3",
                dashed: true,
                values: curve.points.map(() => curve.base_iou),
              },
            ]}
            band={[1, 2]}
          />
        </figure>
      )}
    </>
  );
}
