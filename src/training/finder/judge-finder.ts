import type { FinderMetrics, FindScores, Interval } from "../../domain/finder.ts";
import { type Focus, plainFocus } from "../../domain/focus.ts";
import { mostFindWindows } from "../../inference/find/decode-boxes.ts";
import type { FindingVersion } from "../../inference/find/types.ts";
import type { RleMask } from "../../imaging/types.ts";
import type { PreparedData } from "../data/prepare.ts";
import { randomFor, rleOf } from "../data/samples.ts";
import type { Run } from "../run.ts";
import {
  averagePrecision,
  findScores,
  overlapsOf,
  type Overlaps,
  panopticQuality,
  scoresOf,
  type Tally,
  tallyOf,
} from "./find-scores.ts";
import { budgetOf } from "../search/choose.ts";
import { costs } from "../search/costs.ts";
import type { ObjectStore } from "../../storage/store.ts";
import { type SnapshotImage, sourceOf } from "../data/snapshot.ts";
import { type Lesson, lessonsOf } from "./lessons.ts";

/** Finds that are scored have this label score at least, and are so many an image at most: fainter ones hardly count. */
const [faintest, mostAnImage] = [0.05, 100];
/** Held-out images that judge, by a fixed seed: as many as budget seconds are enough for, and at least some. */
const [mostJudged, fewestJudged] = [40, 4];
/** Judging may be counted for so much of a fine-tune's budget, and for so many seconds of a large one. */
const [judgedShare, mostSeconds] = [0.1, 30];
/** Budget seconds of one box, prefix kept, and twice as many boxes are decoded as there are objects. */
const perBox = 0.02;
const resamples = 200;

export interface FinderJudgement extends Pick<
  FinderMetrics,
  "images" | "emptyImages" | "annotations" | "groups" | "all" | "intervals" | "labels" | "before" | "gate"
> {}

/**
 * How well a version finds by itself what is annotated on the held-out images, and that there is nothing on those that are
 * known to be empty, beside the finder of the version that is live.
 * Masks are the version's own, as served.
 */
export async function judgeFinder(
  run: Run,
  data: PreparedData,
  {
    version,
    live,
    empty,
    partial,
  }: {
    version: FindingVersion;
    live: FindingVersion | null;
    empty: readonly Lesson[];
    /** Ids of images that do not judge, as they are annotated in part only. */
    partial: ReadonlySet<string>;
  },
): Promise<FinderJudgement> {
  const held = judging(
    lessonsOf(data.whole.heldOut).filter(({ image }) => !partial.has(image.id)),
    version.focus ?? plainFocus,
    budgetOf(data.asked),
  );
  // What is found on them is wrong; no more of them than of the others, as they cost an encode each.
  const lessons = [...held, ...empty.slice(0, held.length)];
  const versions = live ? [version, live] : [version];
  const byVersion: Overlaps[][] = versions.map(() => []);
  for (const lesson of lessons) {
    run.signal.throwIfAborted();
    for (const [v, overlaps] of (await foundOn(run, data, lesson, versions)).entries())
      byVersion[v]?.push(overlaps);
  }
  const [own = [], other] = byVersion;
  const { threshold } = version.finder;
  const tallies = own.map((image) => tallyOf(image, threshold));
  const all = scoresOf(tallies);
  const intervals = intervalsOf(tallies);
  const before = live && other ? beside(tallies, other, live) : null;
  const labels = version.finder.labels.map((label) => ({
    label,
    annotations: own.reduce((sum, { truth }) => sum + truth.filter((one) => one === label).length, 0),
    ...findScores(own, threshold, label),
  }));
  return {
    images: own.length,
    emptyImages: own.length - held.length,
    annotations: own.reduce((sum, { truth }) => sum + truth.length, 0),
    groups: new Set(own.map(({ group }) => group)).size,
    all,
    intervals,
    labels,
    before,
    gate: decide(all, intervals, before),
  };
}

/** An image of a snapshot as inference takes it. */
export const ofImage = (store: ObjectStore, image: SnapshotImage) => ({
  ...sourceOf(store, image),
  size: [image.height, image.width] as const,
});

/** The lessons that judge a fine-tune of so many budget seconds, in an order of a fixed seed. */
export function judging(lessons: readonly Lesson[], { zoom }: Focus, budget: number): Lesson[] {
  let left = Math.min(mostSeconds, judgedShare * budget);
  return randomFor(0, "judged by")
    .shuffle(lessons)
    .filter(({ samples }, i) => {
      const encodes = zoom ? Math.min(mostFindWindows, samples.length) * zoom.tiles ** 2 : 0;
      left -= encodes * costs.encode + Math.min(mostAnImage, 2 * samples.length) * perBox;
      return i < fewestJudged || (i < mostJudged && left > 0);
    });
}

async function foundOn(
  { services, images, signal }: Run,
  data: PreparedData,
  { image, samples }: Lesson,
  versions: readonly FindingVersion[],
): Promise<Overlaps[]> {
  const { results } = await services.inference.find({
    workspaceId: images.workspaceId,
    baseModel: images.baseModel,
    signal,
    image: ofImage(services.store, image),
    versions,
    asks: [{}],
    threshold: faintest,
    most: mostAnImage,
    format: "rle",
    maxAnswerText: Number.POSITIVE_INFINITY,
  });
  const truth = samples.map((sample) => ({
    mask: rleOf(sample),
    bbox: sample.annotation.box,
    label: sample.annotation.label,
  }));
  return results.map(({ asks }) =>
    overlapsOf({
      group: data.groupOf(image),
      truth,
      found: (asks[0]?.objects ?? []).map(({ mask, bbox, label, labelScore }) => ({
        mask: mask as RleMask,
        bbox,
        label,
        score: labelScore,
      })),
    }),
  );
}

function intervalsOf(images: readonly Tally[]): FinderMetrics["intervals"] {
  const drawn = drawsOf(images, "resample");
  const interval = (of: (some: readonly Tally[]) => number | null): Interval | null => {
    const values = drawn.flatMap((some) => of(some) ?? []);
    return values.length === 0 ? null : middleOf(values);
  };
  return { ap50: interval((some) => averagePrecision(some, 0)), pq: interval(panopticQuality) };
}

/** Images by groups drawn with replacement, 200 times; none where one group is all. */
function drawsOf<Image extends { readonly group: string }>(
  images: readonly Image[],
  purpose: string,
): Image[][] {
  const random = randomFor(0, purpose);
  const groups = [...Map.groupBy(images, ({ group }) => group).values()];
  if (groups.length < 2) return [];
  return Array.from({ length: resamples }, () =>
    groups.flatMap(() => groups[random.below(groups.length)] ?? []),
  );
}

/** Where the middle 95 % of them lie. */
function middleOf(values: readonly number[]): Interval {
  const ascending = values.toSorted((a, b) => a - b);
  const at = (share: number): number => ascending[Math.round(share * (ascending.length - 1))] as number;
  return { low: at(0.025), high: at(0.975) };
}

/** The live version's finder on the same images, and what the new one gains over it in PQ. */
function beside(
  own: readonly Tally[],
  other: readonly Overlaps[],
  { number, finder }: FindingVersion,
): FinderMetrics["before"] {
  const theirs = other.map((image) => tallyOf(image, finder.threshold));
  const gainOf = (now: readonly Tally[], before: readonly Tally[]): number =>
    (panopticQuality(now) ?? 0) - (panopticQuality(before) ?? 0);
  const pairs = own.map((now, i) => ({ group: now.group, now, before: theirs[i] as Tally }));
  const gains = drawsOf(pairs, "beside").map((some) =>
    gainOf(
      some.map(({ now }) => now),
      some.map(({ before }) => before),
    ),
  );
  const gain = {
    mean: gainOf(own, theirs),
    ...(gains.length > 0 ? middleOf(gains) : { low: null, high: null }),
  };
  return { version: number, all: scoresOf(theirs), gain };
}

/** A finder that surely finds less than this of what is there, or nothing surely, would fill images with noise. */
const leastPq = 0.05;

/** Whether a finder answers, and why: it surely finds something, and is not surely worse than the one before it. */
function decide(
  { pq, recall, precision }: FindScores,
  { pq: interval }: FinderMetrics["intervals"],
  before: FinderMetrics["before"],
): FinderMetrics["gate"] {
  const said = `PQ ${(pq ?? 0).toFixed(3)}, ${percent(recall)} of the held-out objects found, ${percent(precision)} of the finds right`;
  if (pq === null) return { promote: false, reason: "no held-out object could judge it" };
  if (!interval)
    return { promote: pq >= leastPq, reason: `${said}; a single group of images is too little to trust it` };
  if (interval.low < leastPq) {
    const range = `95 % interval ${interval.low.toFixed(3)} to ${interval.high.toFixed(3)}`;
    return { promote: false, reason: `${said}: PQ is not surely above ${leastPq} (${range})` };
  }
  if (before && before.gain.high !== null && before.gain.high < 0) {
    const theirs = (before.all.pq ?? 0).toFixed(3);
    return { promote: false, reason: `${said}: surely less than version ${before.version}'s PQ ${theirs}` };
  }
  return { promote: true, reason: said };
}

const percent = (share: number | null): string => `${Math.round(100 * (share ?? 0))} %`;
