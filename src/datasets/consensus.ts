import { keptPixels, type KeptMask } from "../imaging/kept-mask.ts";
import { eachColumnRun, rleIou } from "../imaging/mask-facts.ts";
import type { RleMask } from "../imaging/types.ts";
import type { FoundObject } from "./plan.ts";
import { drawShape, type Shape } from "./shapes.ts";

/** One object as one annotator drew it. */
export interface Vote {
  readonly label: string | null;
  readonly shape: Shape;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Two annotators mean one object from this IoU on. */
const sameObject = 0.5;

interface Cluster {
  readonly label: string | null;
  readonly masks: KeptMask[];
  last: number;
}

/**
 * What most of several annotators agree on, `votes` by annotator: an object that more than half of them drew, with one
 * label and an IoU of .5 or more to the first who did; of its pixels those that more than half of these painted. Objects
 * of fewer are left out as another annotator's. Throws AppError mask_*.
 */
export async function consensusOf(
  votes: readonly (readonly Vote[])[],
  { width, height }: Size,
): Promise<FoundObject[]> {
  const rle = ({ counts }: KeptMask): RleMask => ({ format: "rle", size: [height, width], counts });
  const clusters: Cluster[] = [];
  for (const [annotator, own] of votes.entries()) {
    for (const { label, shape } of own) {
      const mask = await drawShape(shape, { width, height });
      let [best, most]: [Cluster | undefined, number] = [undefined, sameObject];
      for (const cluster of clusters) {
        if (cluster.label !== label || cluster.last === annotator) continue;
        const iou = rleIou(rle(cluster.masks[0] as KeptMask), rle(mask));
        if (iou >= most) [best, most] = [cluster, iou];
      }
      if (!best) clusters.push({ label, masks: [mask], last: annotator });
      else {
        best.masks.push(mask);
        best.last = annotator;
      }
    }
  }
  return clusters.map(({ label, masks }) => {
    const [first] = masks as [KeptMask];
    if (2 * masks.length <= votes.length) {
      const detail = `${masks.length} of ${votes.length} annotators drew it`;
      return { ...first, label, leave: { code: "other_annotator", detail, count: masks.length } } as const;
    }
    return { ...(masks.length === 1 ? first : majority(masks.map(rle), { width, height })), label };
  });
}

function majority(masks: readonly RleMask[], { width, height }: Size): KeptMask {
  const painted = new Uint16Array(width * height);
  for (const mask of masks)
    eachColumnRun(mask, (x, y0, y1) => {
      for (let y = y0, at = y0 * width + x; y < y1; y++, at += width)
        painted[at] = (painted[at] as number) + 1;
    });
  const data = Uint8Array.from(painted, (count) => (2 * count > masks.length ? 1 : 0));
  return keptPixels({ width, height, data });
}
