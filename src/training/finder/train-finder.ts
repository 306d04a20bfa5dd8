import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import { encodeSafetensors } from "../../checkpoint/safetensors.ts";
import type { Finder } from "../../domain/finder.ts";
import { type Flip, flips } from "../../imaging/flips.ts";
import { type PackedWeights, packWeights } from "../../inference/decoder/packed-weights.ts";
import { sha256 } from "../../lib/hash.ts";
import { foldsFor } from "../data/folds.ts";
import type { PreparedData } from "../data/prepare.ts";
import { randomFor, type Sample } from "../data/samples.ts";
import { flipped } from "../focus/parts.ts";
import type { Run } from "../run.ts";
import { calibrate, type JudgedPeak, uncalibrated } from "./calibrate.ts";
import { fitFinder, type FitOptions } from "./fit-finder.ts";
import { both, type Doubts, doubtsOf, marked, noDoubts } from "./half-annotated.ts";
import { type Look, looksAt } from "./looks.ts";
import { labelsOf, type Lesson, lessonsOf, poolFor } from "./lessons.ts";

/** A trained finder that lies nowhere yet. */
export interface TrainedFinder {
  readonly file: Uint8Array;
  readonly settings: Pick<Finder, "labels" | "pool" | "threshold" | "calibration">;
  /** Images that hold nothing and taught it. */
  readonly empty: number;
  /** Images that are annotated in part only: how many taught it, and ids of those held out and of those to ask about. */
  readonly partial: {
    readonly taught: number;
    readonly heldOut: ReadonlySet<string>;
    readonly asked: readonly string[];
  };
  /** What it is not taught: labels beyond `mostLabels`, and the objects that carry them. */
  readonly untaught: { readonly labels: number; readonly objects: number };
}

/** Images that are looked at for what was left out, and those of them that calibrate. */
const [mostLooked, mostCalibrating] = [400, 24];

/** Steps of the last training and of the one before it, on half of the groups, which calibrates. */
export interface FinderSteps {
  readonly last: number;
  readonly half: number;
  /** What may be encoded for the last training alone: images that hold nothing, then flipped copies of the others. */
  readonly encodes: number;
}

/**
 * Trains a finder on all that is not held out, and on images that hold nothing. Before it, another is trained on half of the
 * groups, whose peaks on the other half say how far a score can be trusted, and which images are annotated in part only: of
 * those, what lies beside the annotations teaches nothing. The same data and seed give the same finder.
 * @param on what holds nothing, and whom to tell of steps done and of all that there will be
 */
export async function trainFinder(
  run: Pick<Run, "embeddingOf" | "seed" | "signal">,
  data: Pick<PreparedData, "nearby" | "whole" | "groupOf">,
  steps: FinderSteps,
  { empty, onStep }: { empty: readonly Lesson[]; onStep: (done: number, inAll: number) => Promise<void> },
): Promise<TrainedFinder> {
  const samples = developing(data);
  const labels = labelsOf(samples);
  const pool = poolFor(samples);
  const { embeddingOf, seed, signal } = run;
  let [done, planned] = [0, steps.last];
  const fit = async (lessons: readonly Lesson[], count: number): Promise<NamedTensors> => {
    const before = done;
    done += count;
    const told = async (step: number): Promise<void> => onStep(before + step, planned);
    return fitFinder(lessons, { ...common, steps: count, onStep: told });
  };
  const common = { labels, pool, embeddingOf, threads: 1, seed, signal };
  const folds = foldsFor(samples, ({ image }) => data.groupOf(image), seed);
  const fitHalf = async (lessons: readonly Lesson[]): Promise<NamedTensors> => {
    planned += steps.half;
    return fit(lessons, steps.half);
  };
  const judged = folds && (await judgeHalves(folds.halves.map(lessonsOf), fitHalf, common));
  const doubts = judged?.doubts ?? noDoubts;
  const lessons = marked(lessonsOf(samples), doubts);
  // No more of them than of the others, or nothing would be the safest answer.
  const nothing = empty.slice(0, Math.min(steps.encodes, lessons.length));
  const copies = flippedLessons(lessons, steps.encodes - nothing.length, seed);
  const weights = await fit([...lessons, ...nothing, ...copies], steps.last);
  const settings = { labels, pool, ...(judged ? calibrate(judged.peaks, judged.objects) : uncalibrated) };
  const file = encodeSafetensors(weights, {
    format: "maskwright-finder",
    labels: JSON.stringify(labels),
    pool: String(pool),
  });
  const held = lessonsOf(data.whole.heldOut);
  const seen = await looksAt(held.slice(0, mostLooked), packedFinder(weights), common);
  const onHeld = doubtsOf(seen);
  return {
    file,
    settings,
    empty: nothing.length,
    untaught: untaughtOf(samples, labels),
    partial: {
      taught: lessons.filter(({ partial }) => partial).length,
      heldOut: new Set(marked(held, onHeld).flatMap(({ image, partial }) => (partial ? image.id : []))),
      asked: [...doubts.asked, ...onHeld.asked],
    },
  };
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
  return chosen.flatMap(({ samples, partial }, i) => {
    const flip = flips[i % flips.length] as Flip;
    const copies = lessonsOf(samples.map((sample) => flipped(sample, flip)));
    return copies.map((copy): Lesson => (partial ? { ...copy, partial } : copy));
  });
}

/** All that is not held out, each once. */
function developing({ nearby, whole }: Pick<PreparedData, "nearby" | "whole">): Sample[] {
  const known = new Set(nearby.map(({ annotation }) => annotation.id));
  return [...nearby, ...whole.selection.filter(({ annotation }) => !known.has(annotation.id))];
}

const packedFinder = (weights: NamedTensors): PackedWeights =>
  packWeights(`looking:${sha256(encodeSafetensors(weights))}`, weights);

/**
 * What a finder of the first half sees on the second. Where it doubts that one is annotated whole, another looks back, and
 * a third, taught by then, calibrates. Looking at what trained it tells nothing: on nuclei it had learnt by heart, in 200 steps,
 * which of them were annotated.
 */
async function judgeHalves(
  halves: readonly (readonly Lesson[])[],
  fitHalf: (lessons: readonly Lesson[]) => Promise<NamedTensors>,
  options: Pick<FitOptions, "labels" | "pool" | "threads" | "embeddingOf" | "signal">,
): Promise<{ peaks: JudgedPeak[]; objects: number; doubts: Doubts }> {
  const [first, second] = halves.map((half) => marked(half, noDoubts)) as [Lesson[], Lesson[]];
  const look = async (lessons: readonly Lesson[], weights: NamedTensors): Promise<Look[]> =>
    looksAt(lessons.slice(0, mostLooked / 2), packedFinder(weights), options);
  let looks = await look(second, await fitHalf(first));
  let doubts = doubtsOf(looks);
  if (doubts.partial.size > 0) {
    doubts = both(doubts, doubtsOf(await look(first, await fitHalf(marked(second, doubts)))));
    const taught = marked(first, doubts);
    if (taught.some(({ partial }, i) => partial && !first[i]?.partial))
      looks = await look(second, await fitHalf(taught));
  }
  const whole = looks.filter(({ lesson }) => !marked([lesson], doubts)[0]?.partial).slice(0, mostCalibrating);
  return {
    peaks: whole.flatMap(({ peaks }) => peaks.map(({ logit, on }) => ({ logit, isObject: on === "object" }))),
    objects: whole.reduce((sum, { lesson }) => sum + lesson.samples.length, 0),
    doubts,
  };
}
