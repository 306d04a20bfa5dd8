import type { FinderMetrics, Version } from "../../api/types.ts";
import { plural, score } from "../../state/text.ts";
import { Table } from "../../ui/table.tsx";

/** How well a version finds its objects by itself, label by label, and whether that was good enough. */
export function FinderScores({ finder, metrics }: { finder: Version["finder"]; metrics: FinderMetrics }) {
  const { all, labels, intervals, before, gate } = metrics;
  return (
    <section class="card stack-s">
      <h2>Finding objects without prompts</h2>
      <p class="muted small">
        On {plural(metrics.images, "test image")} with {plural(metrics.annotations, "object")}: average
        precision and panoptic quality at mask IoU 0.5
        {finder ? `, recall of what is at least ${score(finder.threshold)} sure` : ""}.
      </p>
      <Table
        label="Scores of finding objects"
        columns={[
          "Label",
          { number: "AP50" },
          { number: "PQ" },
          { number: "Precision" },
          { number: "Recall" },
          { number: "Objects" },
        ]}
      >
        {labels.length > 1 &&
          labels.map((one) => (
            <Row key={one.label} name={one.label ?? "no label"} of={one} objects={one.annotations} />
          ))}
        <Row
          name={labels.length === 1 ? (labels[0]?.label ?? "no label") : "All"}
          of={all}
          objects={metrics.annotations}
        />
      </Table>
      <p class="small">
        <span class={gate.promote ? "badge good" : "badge"}>{gate.promote ? "kept" : "held back"}</span>{" "}
        {gate.reason}
        {intervals.ap50 && (
          <span class="muted nums">
            {" "}
            AP50 with 95 % interval {score(intervals.ap50.low)} to {score(intervals.ap50.high)}.
          </span>
        )}
        {metrics.partial_images && metrics.partial_images.asked > 0 && (
          <span class="muted">
            {" "}
            {plural(metrics.partial_images.asked, "image")} may lack annotations: Images, “All annotated?”.
          </span>
        )}
        {before && (
          <span class="muted nums">
            {" "}
            Version {before.version} had {score(before.all.ap50)} on the same images.
          </span>
        )}
      </p>
    </section>
  );
}

const Row = ({ name, of, objects }: { name: string; of: FinderMetrics["all"]; objects: number }) => (
  <tr>
    <th scope="row">{name}</th>
    <td class="num">{score(of.ap50)}</td>
    <td class="num">{score(of.pq)}</td>
    <td class="num">{score(of.precision)}</td>
    <td class="num">{score(of.recall)}</td>
    <td class="num">{objects}</td>
  </tr>
);
