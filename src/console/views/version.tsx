import { api } from "../api/client.ts";
import type { Version } from "../api/types.ts";
import { baseText } from "../state/base-choice.ts";
import { useLoad } from "../state/load.ts";
import { href } from "../state/router.ts";
import { bytes, dateTime, score, versionName } from "../state/text.ts";
import { Await, Head, LinkButton } from "../ui/parts.tsx";
import { Icon } from "../ui/icon.tsx";
import { Result } from "./result.tsx";
import { FinderScores } from "./result/finder.tsx";
import { Serving } from "./result/serving.tsx";
import { Curves } from "./run/curves.tsx";
import { look, Trials } from "./run/trials.tsx";
import type { InProject } from "./in-project.ts";

/** What each file is for. */
const formats = [
  ["bundle", "Bundle", "all of the version, with runners for Python and JavaScript"],
  ["onnx", "ONNX", "Meta's decoder signature: browsers, onnxruntime, CVAT"],
  ["safetensors", "safetensors", "Meta's tensor names"],
  ["pth", "PyTorch", "load_state_dict of segment-anything and MobileSAM"],
  ["hf", "Hugging Face", "SamModel.from_pretrained"],
  ["transformersjs", "transformers.js", "SamModel.from_pretrained in browsers and Node"],
  ["card", "Model card", "what it was trained and measured on"],
] as const;

/** Formats for versions whose masks are refined and that use the whole image: more than their decoder in one graph. */
const served = [
  "onnx&variant=served",
  "ONNX, refining",
  "Meta's signature and the image: masks as served",
] as const;

const formatsOf = ({ zoom, refine }: Version["focus"]) =>
  refine && !zoom ? [...formats.slice(0, 1), served, ...formats.slice(1)] : formats;

export function VersionView({ project, reload, number }: InProject & { number: number }) {
  const path = `/v1/projects/${project.id}/versions/${number}`;
  const version = useLoad((signal) => api.get<Version>(path, signal), [path, project.active_version]);
  return (
    <>
      <Head
        title={`Version ${number}`}
        actions={
          <LinkButton icon="compare" href={`${href("projects", project.id, "compare")}?with=base,${number}`}>
            Compare
          </LinkButton>
        }
      >
        {version.data ? `Made ${dateTime(version.data.created_at)}.` : " "}
      </Head>
      <Await of={version}>
        {(data) => (
          <>
            <Result project={project} reload={reload} version={data} />
            {data.metrics?.finder && <FinderScores finder={data.finder} metrics={data.metrics.finder} />}
            {data.metrics && <Serving projectId={project.id} version={data} metrics={data.metrics} />}
            {data.metrics && <TrainingCurve metrics={data.metrics} />}
            <Trials trials={data.metrics?.trials ?? []} />
            <Exports path={path} version={data} />
            <Facts projectId={project.id} version={data} />
          </>
        )}
      </Await>
    </>
  );
}

function TrainingCurve({ metrics }: { metrics: NonNullable<Version["metrics"]> }) {
  const epochs = metrics.curve.map((at) => ({
    epoch: at.epoch,
    loss: at.train_loss,
    iou: at.selection_iou,
    low: at.selection_iou_low,
    high: at.selection_iou_high,
  }));
  return (
    <Curves epochs={epochs} base={metrics.held_out.base.mean_iou} best={metrics.best_epoch} live={false} />
  );
}

const isPlain = ({ zoom, refine }: Version["focus"]): boolean => zoom === null && refine === null;

/** What a file with the decoder alone loses; nothing where the version is its decoder. */
function DecoderAlone({ version: { focus, metrics } }: { version: Version }) {
  if (isPlain(focus)) return null;
  const alone = metrics?.held_out.decoder_alone;
  return (
    <p class="small decoder-alone">
      {focus.zoom ? "All but the bundle" : "All but the bundle and the refining ONNX"} hold the decoder alone,
      without{" "}
      {[focus.zoom && "the window", focus.refine && "what sharpens masks"].filter(Boolean).join(" and ")}
      {metrics && alone
        ? `: mean IoU ${score(alone.mean_iou)} on the test images, ${score(metrics.held_out.tuned.mean_iou)} as served.`
        : "; how it does by itself was not measured."}
    </p>
  );
}

const Exports = ({ path, version }: { path: string; version: Version }) => (
  <section class="card stack-s">
    <h2>Take it with you</h2>
    <DecoderAlone version={version} />
    <ul class="exports">
      {formatsOf(version.focus).map(([format, name, what]) => (
        <li key={format}>
          <a class="export" href={`${path}/export?format=${format}`} download>
            <Icon name="download" />
            <span>
              <b>{name}</b>
              <span class="muted small">{what}</span>
            </span>
          </a>
        </li>
      ))}
    </ul>
  </section>
);

/** None where nobody had said anything of a prediction. */
function feedbackRows(given: NonNullable<Version["metrics"]>["feedback"]): [string, string][] {
  if (!given || given.corrected + given.accepted === 0) return [];
  return [
    ["Trained on feedback", `${given.corrected} corrected masks, ${given.accepted} accepted`],
    ["Real prompts", `${given.real_prompts} of ${given.prompts} training prompts, from those people gave`],
  ];
}

/** None where a version is served as it was measured. */
const refitRows = (refit: Version["refit"]): [string, string][] =>
  refit
    ? [
        ["Trained once more", `on all ${refit.images} annotated images, ${refit.samples} samples`],
        ["Weights as measured", `SHA-256 ${refit.twin.weights.sha256}`],
      ]
    : [];

/** How a version's masks are sharpened. */
function sharpening(refine: Version["focus"]["refine"]): string {
  if (!refine) return "nothing";
  return "point_head" in refine
    ? "a point head, trained with it, that judges pixels by their own colours"
    : `a guided filter of radius ${refine.radius}`;
}

function Facts({ projectId, version }: { projectId: string; version: Version }) {
  const { metrics } = version;
  const rows: [string, string][] = [
    ["Base model", baseText(version.base_model, metrics?.base_choice)],
    ["Started from", versionName(version.parent_version)],
    ["Looks at", look(version.focus.zoom)],
    ["Masks sharpened by", sharpening(version.focus.refine)],
    ...(metrics
      ? ([
          [
            "Images",
            `${metrics.split.train} train, ${metrics.split.selection} choose the epoch, ${metrics.split.held_out} test`,
          ],
          ["Best epoch", String(metrics.best_epoch)],
          ...refitRows(version.refit),
          ...feedbackRows(metrics.feedback),
        ] as [string, string][])
      : []),
    ...(version.engine === null ? [] : ([["Engine", version.engine]] as [string, string][])),
    ...(version.seed === null ? [] : ([["Seed", String(version.seed)]] as [string, string][])),
    ["Weights", `${bytes(version.weights.bytes)}, SHA-256 ${version.weights.sha256}`],
    ...(version.snapshot_hash === null
      ? []
      : ([["Data snapshot", version.snapshot_hash]] as [string, string][])),
    ...Object.entries(version.hyperparameters).map(([name, value]): [string, string] => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  ];
  return (
    <details class="card">
      <summary>
        <b>How it was made</b>
      </summary>
      <dl class="facts">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt class="muted">{name}</dt>
            <dd class="mono">{value}</dd>
          </div>
        ))}
        {version.fine_tune_id !== null && (
          <div>
            <dt class="muted">Fine-tune</dt>
            <dd>
              <a class="mono" href={href("projects", projectId, "fine-tune", version.fine_tune_id)}>
                {version.fine_tune_id}
              </a>
            </dd>
          </div>
        )}
      </dl>
    </details>
  );
}
