import type { Epoch } from "../../state/run.ts";
import { Chart } from "../../ui/chart.tsx";

/** Loss and IoU by epoch, as they come. */
export function Curves({
  epochs,
  base,
  best,
  live,
}: {
  epochs: readonly Epoch[];
  /** Mean IoU of the untuned model on the held-out images. */
  base: number | null;
  best: number | null;
  live: boolean;
}) {
  if (epochs.length === 0) {
    return live ? (
      <div class="curves">
        <div class="card tight chart-wait">
          <p class="muted">The first epoch's loss and IoU appear here.</p>
        </div>
      </div>
    ) : null;
  }
  const x = { label: "Epoch", values: epochs.map(({ epoch }) => epoch) };
  const banded = epochs.some(({ low }) => low !== null);
  const iou = { label: "IoU", colour: "--chart-1", values: epochs.map((at) => at.iou) };
  const edges = [
    { label: "95 % low", colour: "--chart-1", values: epochs.map(({ low }) => low) },
    { label: "95 % high", colour: "--chart-1", values: epochs.map(({ high }) => high) },
  ];
  const start = epochs.find(({ epoch }) => epoch === 0)?.iou ?? null;
  const reference =
    start === null
      ? []
      : [{ label: "Start", colour: "--chart-3", dashed: true, values: epochs.map(() => start) }];
  const losses = epochs.filter(({ loss }) => loss !== null);
  return (
    <section class="curves" aria-label="Curves">
      <figure class="card tight">
        <figcaption>
          <b>IoU</b> <span class="muted small">on the images that choose the epoch</span>
        </figcaption>
        <Chart
          label="IoU by epoch"
          x={x}
          series={banded ? [iou, ...edges, ...reference] : [iou, ...reference]}
          {...(banded && { band: [1, 2] as const })}
        />
        <p class="muted small nums">
          {best === null ? "" : `Best at epoch ${best}. `}
          {base === null ? "" : `Untuned on the held-out images: ${base.toFixed(3)}.`}
        </p>
      </figure>
      <figure class="card tight">
        <figcaption>
          <b>Loss</b> <span class="muted small">on the training images</span>
        </figcaption>
        <Chart
          label="Training loss by epoch"
          x={{ label: "Epoch", values: losses.map(({ epoch }) => epoch) }}
          series={[{ label: "Loss", colour: "--chart-2", values: losses.map(({ loss }) => loss) }]}
        />
      </figure>
    </section>
  );
}
