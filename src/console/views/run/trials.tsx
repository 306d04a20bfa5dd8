import type { Trial } from "../../state/trial.ts";
import { score } from "../../state/text.ts";
import { Bar } from "../../ui/parts.tsx";
import { Table } from "../../ui/table.tsx";

const rungs: Record<string, string> = {
  zoom: "How close to look",
  recipe: "Which recipe",
  final: "Final",
  flips: "With flips",
  other: "What is given up",
};

/** Which part of an image is looked at, for people. */
export const look = (zoom: Trial["zoom"]): string => {
  if (!zoom) return "the whole image";
  const round = `${zoom.context} × the box`;
  if (zoom.tiles > 1) return `${round}, ${zoom.tiles} × ${zoom.tiles} tiles`;
  return zoom.raster ? `${round}, shared by neighbours` : round;
};

/** What was tried before the run settled: each a short training on one half of the data, judged on the other. */
export function Trials({ trials }: { trials: readonly Trial[] }) {
  if (trials.length === 0) return null;
  const top = Math.max(...trials.filter(({ rung }) => rung !== "other").map((trial) => trial.mean_iou));
  return (
    <section class="card stack-s">
      <h2>Trials</h2>
      <p class="muted small">
        Short trainings on one half of the data, judged on the other; the best goes on.
      </p>
      <Table label="Trials" columns={[{ number: "#" }, "About", "Sees", "Loss", { number: "Rate" }, "IoU"]}>
        {trials.map((trial) => (
          <tr key={trial.trial}>
            <td class="num">{trial.trial}</td>
            <td>{rungs[trial.rung] ?? trial.rung}</td>
            <td>{look(trial.zoom)}</td>
            <td class="mono small">{trial.turns ? `${trial.loss}, turned` : trial.loss}</td>
            <td class="num">{trial.learning_rate}</td>
            <td>
              <span class="row nowrap">
                <span class="trial-bar">
                  <Bar share={trial.mean_iou} label={`IoU of trial ${trial.trial}`} />
                </span>
                <span class="nums">{score(trial.mean_iou)}</span>
                {trial.mean_iou === top && trial.rung !== "other" && <span class="badge good">best</span>}
              </span>
            </td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
