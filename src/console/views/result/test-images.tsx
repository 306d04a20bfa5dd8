import { useState } from "preact/hooks";
import { api } from "../../api/client.ts";
import type { Annotation, Image, Version, VersionMetrics } from "../../api/types.ts";
import { decodeRle } from "../../../imaging/rle.ts";
import { compare, pictureOf } from "../../state/pictures.ts";
import { useLoad } from "../../state/load.ts";
import { fileName, score, signed } from "../../state/text.ts";
import { BeforeAfter } from "../../ui/before-after.tsx";
import { Await, Button } from "../../ui/parts.tsx";
import { Picture, regionRound } from "../../ui/picture.tsx";
import { thumbnailUrl } from "../annotate/picture.ts";

/** Test images from the largest gain to the worst loss; each with the untuned mask and the tuned one. */
export function TestImages({
  projectId,
  version,
  metrics,
}: {
  projectId: string;
  version: Version;
  metrics: VersionMetrics;
}) {
  const rows = (metrics.per_annotation ?? []).toSorted(
    (a, b) => b.tuned_iou - b.base_iou - (a.tuned_iou - a.base_iou),
  );
  const [chosen, setChosen] = useState(0);
  const row = rows[chosen];
  if (!row) return null;
  return (
    <section class="card stack">
      <div class="row between">
        <h2>Before and after</h2>
        <div class="row tight-row">
          <Button
            kind="quiet"
            icon="back"
            label="Better"
            disabled={chosen === 0}
            onClick={() => setChosen(chosen - 1)}
          />
          <span class="muted small nums">
            {chosen + 1} of {rows.length}, by gain
          </span>
          <Button
            kind="quiet"
            icon="next"
            label="Worse"
            disabled={chosen === rows.length - 1}
            onClick={() => setChosen(chosen + 1)}
          />
        </div>
      </div>
      <Pair key={row.annotation_id} projectId={projectId} version={version.number} row={row} />
      <ul class="strip" aria-label="Test masks by gain">
        {rows.slice(0, 60).map((one, i) => (
          <li key={one.annotation_id}>
            <button type="button" aria-pressed={i === chosen} onClick={() => setChosen(i)}>
              <img src={thumbnailUrl(projectId, one.image_id, 160)} alt="" loading="lazy" />
              <span class={`nums ${one.tuned_iou >= one.base_iou ? "good-text" : "bad-text"}`}>
                {signed(one.tuned_iou - one.base_iou)}
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

type Row = NonNullable<VersionMetrics["per_annotation"]>[number];

function Pair({ projectId, version, row }: { projectId: string; version: number; row: Row }) {
  const [truth, setTruth] = useState(false);
  const path = `/v1/projects/${projectId}`;
  const pair = useLoad(
    async (signal) => {
      const [annotation, image] = await Promise.all([
        api.get<Annotation>(`${path}/annotations/${row.annotation_id}`, signal),
        api.get<Image>(`${path}/images/${row.image_id}`, signal),
      ]);
      const [picture, { results }] = await Promise.all([
        pictureOf(projectId, image),
        compare(projectId, image.id, { box: annotation.box }, ["base", version]),
      ]);
      return { annotation, image, picture, results, truth: decodeRle(annotation.mask) };
    },
    [row.annotation_id, version],
  );
  return (
    <Await of={pair}>
      {({ annotation, image, picture, results, truth: mask }) => {
        const region = regionRound(annotation.box, image);
        const [base, tuned] = results;
        if (!base || !tuned) return null;
        const line = truth ? [{ mask, colour: "#facc15", line: true }] : [];
        return (
          <div class="stack-s">
            <BeforeAfter
              start={
                (100 * ((annotation.box[0] + annotation.box[2]) / 2 - region[0])) / (region[2] - region[0])
              }
              names={[`untuned ${score(row.base_iou)}`, `v${version} ${score(row.tuned_iou)}`]}
              before={
                <Picture
                  picture={picture}
                  region={region}
                  marks={[{ mask: base.mask, colour: "#f97316" }, ...line]}
                  label="The untuned model's mask"
                />
              }
              after={
                <Picture
                  picture={picture}
                  region={region}
                  marks={[{ mask: tuned.mask, colour: "#3b82f6" }, ...line]}
                  label={`The mask of version ${version}`}
                />
              }
            />
            <div class="row between">
              <span class="muted small">
                {fileName(image)}
                {annotation.label === null ? "" : ` · ${annotation.label}`} · prompted by the box
              </span>
              <Button kind="quiet" icon="eye" pressed={truth} onClick={() => setTruth(!truth)}>
                True mask
              </Button>
            </div>
          </div>
        );
      }}
    </Await>
  );
}
