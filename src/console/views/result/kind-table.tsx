import type { Interval, KindMetrics } from "../../api/types.ts";
import { kindName, score, signed } from "../../state/text.ts";
import { Table } from "../../ui/table.tsx";

/** How well each way of pointing at an object works, before and after. */
export const KindTable = ({ prompts }: { prompts: readonly KindMetrics[] }) => (
  <section class="card stack-s">
    <h2>By kind of prompt</h2>
    <p class="muted small">Mean IoU on test images; the gain with its 95 % interval over groups of images.</p>
    <Table
      label="Scores by kind of prompt"
      columns={[
        "Prompt",
        { number: "Untuned" },
        { number: "Tuned" },
        { number: "Gain" },
        "95 % interval",
        { number: "Boundary IoU" },
        { number: "Masks" },
      ]}
    >
      {prompts.map((row) => (
        <tr key={row.kind}>
          <th scope="row">{kindName(row.kind)}</th>
          <td class="num">{score(row.base.mean_iou)}</td>
          <td class="num">{score(row.tuned.mean_iou)}</td>
          <td class={`num ${row.gain.iou.mean > 0 ? "good-text" : "bad-text"}`}>
            {signed(row.gain.iou.mean)}
          </td>
          <td>
            <Whiskers of={row.gain.iou} />
          </td>
          <td class="num">
            {score(row.base.mean_boundary_iou)} → {score(row.tuned.mean_boundary_iou)}
          </td>
          <td class="num">{row.annotations}</td>
        </tr>
      ))}
    </Table>
  </section>
);

/** The interval on a line from -0.7 to +0.7 with its zero. */
function Whiskers({ of: { mean, low, high } }: { of: Interval }) {
  if (low === null || high === null) return <span class="muted small">one group: none</span>;
  const at = (value: number): number => 60 + Math.max(-0.7, Math.min(0.7, value)) * 80;
  const text = `${signed(low)} to ${signed(high)}`;
  return (
    <span class="whiskers">
      <svg viewBox="0 0 120 16" width="120" height="16" role="img" aria-label={text}>
        <line x1="60" y1="1" x2="60" y2="15" class="zero" />
        <line x1={at(low)} y1="8" x2={at(high)} y2="8" class={low > 0 ? "sure" : "unsure"} />
        <circle cx={at(mean)} cy="8" r="3.5" class={low > 0 ? "sure" : "unsure"} />
      </svg>
      <span class="muted small nums">{text}</span>
    </span>
  );
}
