import { api } from "../../api/client.ts";
import type { FineTune, OtherFocus, PromptLatency, Version, VersionMetrics } from "../../api/types.ts";
import { go, href } from "../../state/router.ts";
import { otherServing } from "../../state/serving.ts";
import { score } from "../../state/text.ts";
import { attempt } from "../../state/toasts.ts";
import { Button } from "../../ui/parts.tsx";
import { Table } from "../../ui/table.tsx";
import { look } from "../run/trials.tsx";

/** How long an answer takes beside the base's, what was given up for that, and a button that trains the other. */
export function Serving({
  projectId,
  version,
  metrics: { latency, serving },
}: {
  projectId: string;
  version: Version;
  metrics: VersionMetrics;
}) {
  if (!latency || !serving) return null;
  return (
    <section class="card stack-s">
      <h2>How quick it answers</h2>
      <p class="muted small">
        Medians over {latency.prompts} test prompts, this version and the untuned model in turns on the
        trainer's machine.
      </p>
      <Table
        label="How quick it answers"
        columns={[
          "Prompt",
          { number: "Untuned" },
          { number: "Warm" },
          { number: "Times the untuned" },
          { number: "At a new place" },
        ]}
      >
        <Row name="Box" of={latency.box} />
        <Row name="Click" of={latency.click} />
      </Table>
      <div class="row between">
        <p class="grow small">{said(serving)}</p>
        {version.fine_tune_id !== null && (
          <TrainOther projectId={projectId} fineTuneId={version.fine_tune_id} asked={serving.asked} />
        )}
      </div>
    </section>
  );
}

const ms = (value: number): string => `${value < 100 ? value.toFixed(0) : Math.round(value / 10) * 10} ms`;

const Row = ({ name, of }: { name: string; of: PromptLatency }) => (
  <tr>
    <th scope="row">{name}</th>
    <td class="num">{ms(of.base_warm_ms)}</td>
    <td class="num">{ms(of.warm_ms)}</td>
    <td class={`num ${of.ratio > 1.5 ? "bad-text" : ""}`}>{of.ratio.toFixed(2)}</td>
    <td class="num">
      {ms(of.cold_ms)}
      {of.encodes > 0 && (
        <span class="muted small"> {of.encodes === 1 ? "1 encode" : `${of.encodes} encodes`}</span>
      )}
    </td>
  </tr>
);

function said({
  asked,
  given_up: givenUp,
  interactive_twin: twin,
}: NonNullable<VersionMetrics["serving"]>): string {
  if (asked === "interactive")
    return givenUp
      ? `Given up for quick answers: ${otherText(givenUp)}`
      : "Nothing was given up for quick answers.";
  if (!twin) return "Trained for the best masks; quick answers would have asked for nothing else.";
  const asGood =
    twin.mean_iou !== null && twin.own_mean_iou !== null && twin.own_mean_iou - twin.mean_iou <= 0.01;
  return `Trained for the best masks. ${asGood ? "A version that answers quickly would have been as good" : "A version that answers quickly would be"}: ${otherText(twin)}`;
}

function otherText({
  zoom,
  refined_by: by,
  mean_iou: theirs,
  own_mean_iou: own,
  samples,
}: OtherFocus): string {
  const sharpened =
    by === null ? "" : by === "points" ? ", sharpened by a point head" : ", sharpened by a filter";
  const known =
    theirs === null
      ? "It was not tried."
      : `In short trials on ${samples} masks mean IoU ${score(theirs)}, where this one has ${score(own)}.`;
  return `${look(zoom)}${sharpened}. ${known}`;
}

function TrainOther({
  projectId,
  fineTuneId,
  asked,
}: {
  projectId: string;
  fineTuneId: string;
  asked: "interactive" | "best";
}) {
  const path = `/v1/projects/${projectId}/fine-tunes`;
  const start = (): Promise<boolean> =>
    attempt(async () => {
      const made = await api.get<FineTune>(`${path}/${fineTuneId}`);
      const job = await api.post<FineTune>(path, otherServing(made, asked));
      go(href("projects", projectId, "fine-tune", job.id));
    });
  return (
    <Button icon="spark" onClick={start}>
      {asked === "interactive" ? "Train for best masks" : "Train for quick answers"}
    </Button>
  );
}
