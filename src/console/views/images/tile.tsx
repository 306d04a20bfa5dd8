import { useEffect, useRef } from "preact/hooks";
import type { GalleryEntry, ListedImage } from "../../api/types.ts";
import { colourOf, sampleRle } from "../../canvas/layer.ts";
import { href } from "../../state/router.ts";
import { fileName, plural, score } from "../../state/text.ts";
import { thumbnailUrl } from "../annotate/picture.ts";

const side = 400;

type Worth = NonNullable<ListedImage["worth"]>;

/** Why an image stands where it does in the order of what to label next. */
const why: Record<Worth["reasons"][number], string> = {
  in_the_middle: "Most ordinary",
  unlike_others: "Unlike the rest",
  finder_unsure: "Model unsure",
  near_duplicate: "Near-duplicate",
  not_embedded: "Not looked at yet",
  beyond_ranking: "Not ranked",
};

/** One image with its masks laid over it; a click goes to its annotation. */
export function Tile({
  projectId,
  entry,
  worth,
}: {
  projectId: string;
  entry: GalleryEntry;
  worth?: Worth | undefined;
}) {
  const { image, annotations, split, tuned_iou: iou } = entry;
  const name = fileName(image);
  return (
    <a class="tile" href={href("projects", projectId, "annotate", image.id)}>
      <span class="tile-picture">
        <img
          src={thumbnailUrl(projectId, image.id, side)}
          alt=""
          loading="lazy"
          width={image.width}
          height={image.height}
        />
        <Overlay entry={entry} />
      </span>
      <span class="tile-text">
        <span class="tile-name" title={name}>
          {name}
        </span>
        <span class="row">
          {worth ? (
            <>
              {worth.rank !== null && <span class="badge info nums">{worth.rank}</span>}
              {worth.reasons.map((reason) => (
                <span key={reason} class="badge">
                  {why[reason]}
                </span>
              ))}
            </>
          ) : annotations.length > 0 ? (
            <span class="badge">{plural(annotations.length, "mask")}</span>
          ) : image.known_empty ? (
            <span class="badge">Nothing here</span>
          ) : (
            <span class="badge warn">Unlabelled</span>
          )}
          {image.complete_asked && <span class="badge warn">All annotated?</span>}
          {image.complete === false && <span class="badge">In part</span>}
          {split && <span class={`badge ${split === "test" ? "info" : ""}`}>{split}</span>}
          {iou !== null && (
            <span class={`badge nums ${iou >= 0.7 ? "good" : iou >= 0.5 ? "warn" : "bad"}`}>
              IoU {score(iou)}
            </span>
          )}
        </span>
      </span>
    </a>
  );
}

function Overlay({ entry }: { entry: GalleryEntry }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { image, annotations } = entry;
  const scale = Math.min(1, side / Math.max(image.width, image.height));
  const width = Math.max(1, Math.round(image.width * scale));
  const height = Math.max(1, Math.round(image.height * scale));
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const picture = context.createImageData(width, height);
    for (const [i, { counts }] of annotations.entries())
      sampleRle(counts, [image.height, image.width], picture, colourOf(i + 1), 0.55);
    context.putImageData(picture, 0, 0);
  }, [annotations]);
  return <canvas ref={canvas} width={width} height={height} aria-hidden="true" />;
}
