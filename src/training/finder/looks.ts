import { readFinderGraphs } from "../../graphs/files.ts";
import { BoxIndex } from "../../imaging/box-index.ts";
import { boxIou } from "../../imaging/geometry.ts";
import type { Peak } from "../../imaging/finding/peaks.ts";
import type { Box } from "../../imaging/types.ts";
import type { PackedWeights } from "../../inference/decoder/packed-weights.ts";
import { findPeaks } from "../../inference/find/peaks-task.ts";
import type { Sample } from "../data/samples.ts";
import type { FitOptions } from "./fit-finder.ts";
import type { Lesson } from "./lessons.ts";

/** What a finder sees on an annotated image. */
export interface Look {
  readonly lesson: Lesson;
  /** The best first. */
  readonly peaks: readonly SeenPeak[];
}

export interface SeenPeak {
  readonly logit: number;
  /** What is annotated there: an object of its label, nothing, or something that its box does not fit. */
  readonly on: "object" | "nothing" | "other";
}

/** How faint a peak may be that is looked at. */
const faintest = -6;
/** A peak is right where its box and an object's of the same label overlap by this (IoU), and elsewhere below the other. */
const [rightFrom, elsewhereBelow] = [0.5, 0.2];

/** Looks at one image after the other. Throws the signal's reason. */
export async function looksAt(
  lessons: readonly Lesson[],
  weights: PackedWeights,
  options: Pick<FitOptions, "labels" | "pool" | "threads" | "embeddingOf" | "signal">,
): Promise<Look[]> {
  const { labels, pool, threads, embeddingOf, signal } = options;
  const looks: Look[] = [];
  for (const lesson of lessons) {
    signal.throwIfAborted();
    const { image, samples } = lesson;
    const peaks = await findPeaks({
      graph: readFinderGraphs()[pool],
      threads,
      weights,
      finder: { labels, pool },
      embedding: {
        family: image.family ?? "sam",
        data: await embeddingOf(image),
        width: image.width,
        height: image.height,
      },
      floor: faintest,
    });
    looks.push({ lesson, peaks: seen(peaks, samples, labels) });
  }
  return looks;
}

/** Each object is taken by one peak, the best. */
function seen(
  peaks: readonly Peak[],
  samples: readonly Sample[],
  labels: readonly (string | null)[],
): SeenPeak[] {
  const taken = new Set<Sample>();
  const index = new BoxIndex(samples.map(({ annotation }) => annotation.box));
  return peaks.map(({ label, logit, box, at: [x, y] }) => {
    let [best, own]: [number, Sample | null] = [0, null];
    let isElsewhere = true;
    const [x0, y0, x1, y1] = box;
    const reach: Box = [Math.min(x, x0), Math.min(y, y0), Math.max(x, x1), Math.max(y, y1)];
    for (const place of index.near(reach)) {
      const sample = samples[place] as Sample;
      const theirs = sample.annotation.box;
      const overlap = boxIou(theirs, box);
      const isInside = x >= theirs[0] && x < theirs[2] && y >= theirs[1] && y < theirs[3];
      if (isInside || overlap >= elsewhereBelow) isElsewhere = false;
      if (taken.has(sample) || sample.annotation.label !== labels[label]) continue;
      if (overlap > best) [best, own] = [overlap, sample];
    }
    if (!own || best < rightFrom) return { logit, on: isElsewhere ? "nothing" : "other" };
    taken.add(own);
    return { logit, on: "object" };
  });
}
