import type { Trial } from "../../state/run.ts";
import { score } from "../../state/text.ts";
import { Bar } from "../../ui/parts.tsx";

/** What was tried before the run settled: each with its best IoU so far. */
export function Trials({ trials }: { trials: readonly Trial[] }) {
  if (trials.length === 0) return null;
  const top = Math.max(...trials.map(({ best }) => best ?? 0));
  return (
    <section class="card tight stack-s">
      <h2>Trials</h2>
      <div class="table-wrap">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Trial</th>
              <th scope="col" class="num">
                Epochs
              </th>
              <th scope="col">Best IoU</th>
              <th scope="col">Last said</th>
            </tr>
          </thead>
          <tbody>
            {trials.map((trial) => (
              <tr key={trial.name}>
                <td>
                  {trial.name}{" "}
                  {trial.best !== null && trial.best === top && <span class="badge good">leads</span>}
                </td>
                <td class="num">{trial.epochs.length}</td>
                <td>
                  <span class="nums">{score(trial.best)}</span>
                  <Bar share={trial.best ?? 0} label={`Best IoU of ${trial.name}`} />
                </td>
                <td class="muted small">{trial.note}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
