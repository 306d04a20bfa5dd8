import { api } from "../api/client.ts";
import type { Version, VersionMetrics } from "../api/types.ts";
import { score, signed } from "../state/text.ts";
import { attempt } from "../state/toasts.ts";
import { Button, Notice, Stat } from "../ui/parts.tsx";
import { KindTable } from "./result/kind-table.tsx";
import { TestImages } from "./result/test-images.tsx";
import type { InProject } from "./in-project.ts";

/** What became of the window and of what refines masks when a file was imported. */
const focusOf = {
  restored: " Its file brought its window and what refines its masks.",
  plain: "",
  unknown: " Its file does not say whether it wants windows or refined masks: it is used on whole images.",
};

/** What a version brought: the gain, whether it is live or why not, before and after, and the numbers by prompt. */
export function Result({ project, reload, version }: InProject & { version: Version }) {
  const { metrics } = version;
  if (!metrics) {
    return (
      <Notice>
        <p>
          This version was imported; nothing was measured here.{focusOf[version.imported?.focus ?? "plain"]}
        </p>
        {version.imported?.notes.map((note) => (
          <p key={note}>{note}</p>
        ))}
      </Notice>
    );
  }
  return (
    <>
      <Headline project={project} reload={reload} version={version} metrics={metrics} />
      <TestImages projectId={project.id} version={version} metrics={metrics} />
      {metrics.evaluation && <KindTable prompts={metrics.evaluation.prompts} />}
    </>
  );
}

function Headline({
  project,
  reload,
  version,
  metrics,
}: InProject & { version: Version; metrics: VersionMetrics }) {
  const { base, tuned, images, annotations } = metrics.held_out;
  const gain = tuned.mean_iou - base.mean_iou;
  return (
    <section class={`card headline ${gain > 0 ? "won" : ""}`}>
      <div class="stats">
        <Stat
          value={<span class={gain > 0 ? "good-text" : "bad-text"}>{signed(gain)}</span>}
          label="IoU gained"
        />
        <Stat value={score(base.mean_iou)} label="untuned" />
        <Stat value={score(tuned.mean_iou)} label={`version ${version.number}`} />
        <Stat value={score(tuned.mean_dice)} label="Dice" />
        <Stat value={`${annotations} on ${images}`} label="test masks on images" />
      </div>
      {version.refit && (
        <p class="small muted">
          The scores and pictures are those of its twin, which never saw the test images. What answers now was
          trained once more on all {version.refit.images} annotated images.
        </p>
      )}
      <Gate project={project} reload={reload} version={version} metrics={metrics} />
    </section>
  );
}

function Gate({
  project,
  reload,
  version,
  metrics,
}: InProject & { version: Version; metrics: VersionMetrics }) {
  const live = project.active_version === version.number;
  const { gate } = metrics;
  return (
    <div class="stack-s">
      <div class="row between">
        <p class="grow">
          {live ? (
            <span class="badge good">
              <span class="dot" />
              live
            </span>
          ) : (
            <span class="badge">not live</span>
          )}{" "}
          {gate && <span class="small">{sentence(gate.reason)}</span>}
        </p>
        {!live && <PromoteButton project={project} reload={reload} number={version.number} />}
      </div>
      {gate && gate.warnings.length > 0 && (
        <Notice kind="warn">
          {gate.warnings.map((warning) => (
            <p key={warning}>{sentence(warning)}</p>
          ))}
        </Notice>
      )}
    </div>
  );
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

export function PromoteButton({ project, reload, number }: InProject & { number: number | "base" }) {
  const promote = (): Promise<boolean> =>
    attempt(
      async () => {
        await api.post(`/v1/projects/${project.id}/versions/${number}/promote`, {
          reason: "in the console",
        });
        reload();
      },
      number === "base" ? "The untuned model is live." : `Version ${number} is live.`,
    );
  return (
    <Button kind={number === "base" ? "" : "primary"} icon="check" onClick={promote}>
      {number === "base" ? "Make the base live" : `Promote v${number}`}
    </Button>
  );
}
