import { type KeptMask, keptRuns } from "../imaging/kept-mask.ts";
import { rleIou } from "../imaging/mask-facts.ts";
import { eachRun } from "../imaging/rle.ts";
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
 * of fewer are left out as another annotator's. `iouOf` compares two masks that may be one object. Throws AppError mask_*.
 */
export async function consensusOf(
  votes: readonly (readonly Vote[])[],
  { width, height }: Size,
  iouOf: typeof rleIou = rleIou,
): Promise<FoundObject[]> {
  const rle = ({ counts }: KeptMask): RleMask => ({ format: "rle", size: [height, width], counts });
  const clusters: Cluster[] = [];
  for (const [annotator, own] of votes.entries()) {
    for (const { label, shape } of own) {
      const mask = await drawShape(shape, { width, height });
      let [best, most]: [Cluster | undefined, number] = [undefined, sameObject];
      for (const cluster of clusters) {
        if (cluster.label !== label || cluster.last === annotator) continue;
        const first = cluster.masks[0] as KeptMask;
        if (!canAgree(first, mask)) continue;
        const iou = iouOf(rle(first), rle(mask));
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
    return { ...(masks.length === 1 ? first : majority(masks, { width, height })), label };
  });
}

/** Whether their boxes and areas leave room for the IoU of one object. */
function canAgree(a: KeptMask, b: KeptMask): boolean {
  const width = Math.min(a.box[2], b.box[2]) - Math.max(a.box[0], b.box[0]);
  const height = Math.min(a.box[3], b.box[3]) - Math.max(a.box[1], b.box[1]);
  if (width <= 0 || height <= 0) return false;
  const both = Math.min(a.area, b.area, width * height);
  return both >= sameObject * (a.area + b.area - both);
}

/** By where runs begin and end in column-major order: no pixel is drawn. */
function majority(masks: readonly KeptMask[], { width, height }: Size): KeptMask {
  const pixels = width * height;
  const [starts, ends]: [number[], number[]] = [[], []];
  for (const { counts } of masks) {
    let at = 0;
    eachRun(counts, pixels, (run, i) => {
      if (i % 2 === 1) {
        starts.push(at);
        ends.push(at + run);
      }
      at += run;
    });
  }
  const [from, to] = [Float64Array.from(starts).sort(), Float64Array.from(ends).sort()];
  const most = masks.length / 2;
  const runs: number[] = [];
  let [depth, last] = [0, 0];
  const turn = (at: number): void => {
    runs.push(at - last);
    last = at;
  };
  for (let i = 0, j = 0; j < to.length;) {
    const [start, end] = [from[i] ?? Infinity, to[j] as number];
    if (start <= end) {
      i++;
      if (depth++ <= most && depth > most) turn(start);
    } else {
      j++;
      if (depth-- > most && depth <= most) turn(end);
    }
  }
  return keptRuns([...runs, pixels - last], [height, width]);
}
