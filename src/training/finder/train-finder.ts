import { encodeSafetensors } from "../../checkpoint/safetensors.ts";
import type { Finder } from "../../domain/finder.ts";
import { readFinderGraphs } from "../../graphs/files.ts";
import { type Flip, flips } from "../../imaging/flips.ts";
import { boxIou } from "../../imaging/geometry.ts";
import { type PackedWeights, packWeights } from "../../inference/decoder/packed-weights.ts";
import { findPeaks } from "../../inference/find/peaks-task.ts";
import { sha256 } from "../../lib/hash.ts";
import { foldsFor } from "../data/folds.ts";
import type { PreparedData } from "../data/prepare.ts";
import { randomFor, type Sample } from "../data/samples.ts";
import { flipped } from "../focus/parts.ts";
import type { Run } from "../run.ts";
import { calibrate, type JudgedPeak, uncalibrated } from "./calibrate.ts";
import { fitFinder, type FitOptions } from "./fit-finder.ts";
import { labelsOf, type Lesson, lessonsOf, poolFor } from "./lessons.ts";

/** A trained finder that lies nowhere yet. */
export interface TrainedFinder {
  readonly file: Uint8Array;
  readonly settings: Pick<Finder, "labels" | "pool" | "threshold" | "calibration">;
  /** Images that hold nothing and taught it. */
  readonly empty: number;
  /** What it is not taught: labels beyond `mostLabels`, and the objects that carry them. */
  readonly untaught: { readonly labels: number; readonly objects: number };
}

/** Images that calibrate, and how faint a peak may be that is looked at. */
const [mostCalibrating, faintest] = [24, -6];
/** A peak is right where its box and an object's of the same label overlap by this (IoU). */
const rightFrom = 0.5;

/** Steps of the last training and of the one before it, on half of the groups, which calibrates. */
export interface FinderSteps {
  readonly last: number;
  readonly half: number;
  /** What may be encoded for the last training alone: images that hold nothing, then flipped copies of the others. */
  readonly encodes: number;
}

/**
 * Trains a finder on all that is not held out, and on images that hold nothing. Before it, another is trained on half of the
 * groups, whose peaks on the other half say how far a score can be trusted. The same data and seed give the same finder.
 */
export async function trainFinder(
  run: Run,
  data: PreparedData,
  steps: FinderSteps,
  { empty, onStep }: { empty: readonly Lesson[]; onStep: (done: number) => Promise<void> },
): Promise<TrainedFinder> {
  const samples = developing(data);
  const labels = labelsOf(samples);
  const pool = poolFor(samples);
  const { embeddingOf, seed, signal } = run;
  const common = { labels, pool, embeddingOf, threads: 1, seed, signal };
  const folds = foldsFor(samples, ({ image }) => data.groupOf(image), seed);
  const judged = folds
    ? await judgedPeaks(folds.halves, { ...common, steps: steps.half, onStep })
    : { peaks: [], objects: 0 };
  const done = folds ? steps.half : 0;
  const lessons = lessonsOf(samples);
  // No more of them than of the others, or nothing would be the safest answer.
  const nothing = empty.slice(0, Math.min(steps.encodes, lessons.length));
  const copies = flippedLessons(lessons, steps.encodes - nothing.length, seed);
  const weights = await fitFinder([...lessons, ...nothing, ...copies], {
    ...common,
    steps: steps.last,
    onStep: async (step) => onStep(done + step),
  });
  const settings = { labels, pool, ...(folds ? calibrate(judged.peaks, judged.objects) : uncalibrated) };
  const file = encodeSafetensors(weights, {
    format: "maskwright-finder",
    labels: JSON.stringify(labels),
    pool: String(pool),
  });
  return { file, settings, empty: nothing.length, untaught: untaughtOf(samples, labels) };
}

function untaughtOf(
  samples: readonly Sample[],
  labels: readonly (string | null)[],
): TrainedFinder["untaught"] {
  const others = samples.map(({ annotation }) => annotation.label).filter((label) => !labels.includes(label));
  return { labels: new Set(others).size, objects: others.length };
}

/** One flipped copy of so many images, the flips in turn. */
function flippedLessons(lessons: readonly Lesson[], count: number, seed: number): Lesson[] {
  const chosen = randomFor(seed, "finder flips").shuffle(lessons).slice(0, count);
  return chosen.flatMap(({ samples }, i) => {
    const flip = flips[i % flips.length] as Flip;
    return lessonsOf(samples.map((sample) => flipped(sample, flip)));
  });
}

/** All that is not held out, each once. */
function developing({ nearby, selection }: PreparedData): Sample[] {
  const known = new Set(nearby.map(({ annotation }) => annotation.id));
  return [...nearby, ...selection.filter(({ annotation }) => !known.has(annotation.id))];
}

async function judgedPeaks(
  [taught, judging]: readonly [readonly Sample[], readonly Sample[]],
  options: FitOptions,
): Promise<{ peaks: JudgedPeak[]; objects: number }> {
  const weights = await fitFinder(lessonsOf(taught), options);
  const packed = packWeights(`calibrating:${sha256(encodeSafetensors(weights))}`, weights);
  const lessons = lessonsOf(judging).slice(0, mostCalibrating);
  const peaks: JudgedPeak[] = [];
  for (const lesson of lessons) {
    options.signal.throwIfAborted();
    peaks.push(...(await peaksOn(lesson, packed, options)));
  }
  return { peaks, objects: lessons.reduce((sum, { samples }) => sum + samples.length, 0) };
}

async function peaksOn(
  { image, samples }: Lesson,
  weights: PackedWeights,
  { labels, pool, threads, embeddingOf }: FitOptions,
): Promise<JudgedPeak[]> {
  const peaks = await findPeaks({
    graph: readFinderGraphs()[pool],
    threads,
    weights,
    finder: { labels, pool },
    embedding: { data: await embeddingOf(image), width: image.width, height: image.height },
    floor: faintest,
  });
  const taken = new Set<Sample>();
  return peaks.map(({ label, logit, box }) => {
    let [best, own]: [number, Sample | null] = [0, null];
    for (const sample of samples) {
      if (taken.has(sample) || sample.annotation.label !== labels[label]) continue;
      const overlap = boxIou(sample.annotation.box, box);
      if (overlap > best) [best, own] = [overlap, sample];
    }
    const isObject = own !== null && best >= rightFrom;
    if (own && isObject) taken.add(own);
    return { logit, isObject };
  });
}
