import { useState } from "preact/hooks";
import { all, api } from "../api/client.ts";
import type { FineTune, Overview, Page, Version } from "../api/types.ts";
import { useLoad } from "../state/load.ts";
import {
  efforts,
  groupings,
  hyperparametersOf,
  type Recipe,
  servings,
  usualRecipe,
} from "../state/recipe.ts";
import { go, href } from "../state/router.ts";
import { ago, plural, versionName } from "../state/text.ts";
import { attempt } from "../state/toasts.ts";
import { Await, Button, Head, LinkButton, Notice } from "../ui/parts.tsx";
import { Table } from "../ui/table.tsx";
import { Preflight } from "./fine-tune/preflight.tsx";
import { isOpen, StatusBadge } from "./run/status.tsx";
import type { InProject } from "./in-project.ts";

const fewest = 3;

export function FineTuneView({ project }: InProject) {
  const path = `/v1/projects/${project.id}`;
  const overview = useLoad((signal) => api.get<Overview>(`${path}/overview`, signal), [project.id]);
  const runs = useLoad(
    (signal) => api.get<Page<FineTune>>(`${path}/fine-tunes?limit=50`, signal),
    [project.id],
  );
  const running = runs.data?.data.find(isOpen);
  return (
    <>
      <Head title="Fine-tune">
        Trains the mask decoder on your masks, and measures it on images that it has not seen.
      </Head>
      <Await of={overview}>
        {(data) => <Start projectId={project.id} overview={data} running={running} />}
      </Await>
      <Preflight projectId={project.id} />
      <Await of={runs}>{({ data }) => <Runs projectId={project.id} runs={data} />}</Await>
    </>
  );
}

function Start({
  projectId,
  overview,
  running,
}: {
  projectId: string;
  overview: Overview;
  running: FineTune | undefined;
}) {
  const [from, setFrom] = useState<number | null>(null);
  const [recipe, setRecipe] = useState<Recipe>(usualRecipe);
  const labelled = overview.labelled_images;
  if (running) {
    return (
      <section class="card start">
        <div class="grow">
          <h2>A fine-tune is under way</h2>
          <p class="muted">Another would wait until it has ended.</p>
        </div>
        <LinkButton
          kind="primary large"
          icon="next"
          href={href("projects", projectId, "fine-tune", running.id)}
        >
          Watch it
        </LinkButton>
      </section>
    );
  }
  if (labelled < fewest) {
    return (
      <Notice
        kind="warn"
        action={<LinkButton href={href("projects", projectId, "images")}>Label images</LinkButton>}
      >
        <p>
          {plural(labelled, "image is", "images are")} labelled.{" "}
          {plural(fewest, "labelled image is", "labelled images are")} the least: one to learn from, one to
          choose the best epoch by, one to measure on. Twenty are a good start.
        </p>
      </Notice>
    );
  }
  const start = (): Promise<boolean> =>
    attempt(async () => {
      const hyperparameters = hyperparametersOf(recipe);
      const body = {
        ...(Object.keys(hyperparameters).length > 0 && { hyperparameters }),
        ...(from !== null && { base_version: from }),
      };
      const job = await api.post<FineTune>(`/v1/projects/${projectId}/fine-tunes`, body);
      go(href("projects", projectId, "fine-tune", job.id));
    });
  return (
    <section class="card start">
      <div class="grow stack-s">
        <h2>
          {plural(labelled, "labelled image")}, {plural(overview.annotations, "mask")}
        </h2>
        <p class="muted">
          Some images are held back: the version is measured on them beside the untuned model, and goes live
          by itself only if it is surely better.
        </p>
        <Choice
          label="Effort"
          of={efforts}
          value={recipe.effort}
          onChange={(effort) => setRecipe({ ...recipe, effort })}
        />
        <Choice
          label="Answers"
          of={servings}
          value={recipe.serving}
          onChange={(serving) => setRecipe({ ...recipe, serving })}
        />
        <Choice
          label="Look-alikes"
          of={groupings}
          value={recipe.grouping}
          onChange={(grouping) => setRecipe({ ...recipe, grouping })}
        />
        <StartFrom projectId={projectId} value={from} onChange={setFrom} />
      </div>
      <Button kind="primary large" icon="spark" onClick={start}>
        Fine-tune
      </Button>
    </section>
  );
}

const Choice = <Name extends string>({
  label,
  of,
  value,
  onChange,
}: {
  label: string;
  of: Record<Name, { text: string }>;
  value: Name;
  onChange: (value: Name) => void;
}) => (
  <label class="row">
    <span class="small">{label}</span>
    <select
      class="input select-inline"
      value={value}
      onChange={(event) => onChange(event.currentTarget.value as Name)}
    >
      {Object.entries<{ text: string }>(of).map(([name, { text }]) => (
        <option key={name} value={name}>
          {text}
        </option>
      ))}
    </select>
  </label>
);

function StartFrom({
  projectId,
  value,
  onChange,
}: {
  projectId: string;
  value: number | null;
  onChange: (value: number | null) => void;
}) {
  const versions = useLoad(() => all<Version>(`/v1/projects/${projectId}/versions`), [projectId]).data ?? [];
  if (versions.length === 0) return null;
  return (
    <label class="row">
      <span class="small">Start from</span>
      <select
        class="input select-inline"
        value={value ?? ""}
        onChange={(event) =>
          onChange(event.currentTarget.value === "" ? null : Number(event.currentTarget.value))
        }
      >
        <option value="">the untuned model</option>
        {versions.map(({ number }) => (
          <option key={number} value={number}>
            version {number}
          </option>
        ))}
      </select>
    </label>
  );
}

function Runs({ projectId, runs }: { projectId: string; runs: readonly FineTune[] }) {
  if (runs.length === 0) return null;
  return (
    <section class="card stack-s">
      <h2>Runs</h2>
      <Table label="Runs" columns={["Run", "Status", "From", "Made", "Started"]}>
        {runs.map((run) => (
          <tr key={run.id}>
            <td>
              <a class="mono" href={href("projects", projectId, "fine-tune", run.id)}>
                {run.id}
              </a>
            </td>
            <td>
              <StatusBadge job={run} />
            </td>
            <td>{versionName(run.base_version)}</td>
            <td>{run.version === null ? "–" : versionName(run.version)}</td>
            <td class="muted">{ago(run.created_at)}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
