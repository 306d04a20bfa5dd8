import {
  mostWithAllKinds,
  type Evaluation,
  type PromptKind,
  type PromptMetrics,
} from "../../domain/evaluation.ts";
import type { VersionRef } from "../../inference/types.ts";
import { randomFor, type Sample } from "../data/samples.ts";
import type { SnapshotImage } from "../data/snapshot.ts";
import type { AnswerDeps, AnswerOptions } from "./answers.ts";
import { type Difference, pairedGain } from "./interval.ts";
import { scoreKinds } from "./prompt-kinds.ts";
import { type Measure, meanOf, promptScores, type Score } from "./score.ts";

/** The same for every version: all are judged by the same. */
const judgeSeed = 0;

/** What is judged: held-out samples, and which of their images stand together. */
export interface Judged {
  readonly heldOut: readonly Sample[];
  readonly groupOf: (image: SnapshotImage) => string;
}

/** Scores of base and tuned on the same samples, in the same order. */
interface Pair {
  readonly kind: PromptKind;
  readonly samples: readonly Sample[];
  readonly base: readonly Score[];
  readonly tuned: readonly Score[];
}

/** Base against tuned on held-out samples by every kind of prompt; `box` are their scores with exact boxes. */
export async function evaluate(
  deps: AnswerDeps,
  judged: Judged,
  options: AnswerOptions & {
    base: VersionRef;
    tuned: VersionRef;
    box: { base: readonly Score[]; tuned: readonly Score[] };
    onDone?: (samples: number) => Promise<void>;
  },
): Promise<Evaluation> {
  const { base, tuned, box, ...rest } = options;
  const samples = withAllKinds(judged);
  const [baseKinds, tunedKinds] = await scoreKinds(deps, samples, { ...rest, versions: [base, tuned] });
  if (!baseKinds || !tunedKinds) throw new Error("a decoder was not scored");
  const kinds = Object.keys(baseKinds) as (keyof typeof baseKinds)[];
  const pairs: Pair[] = [
    { kind: "box", samples: judged.heldOut, ...box },
    ...kinds.map((kind) => ({ kind, samples, base: baseKinds[kind], tuned: tunedKinds[kind] })),
  ];
  return {
    prompts: pairs.map((pair) => promptMetrics(pair, judged.groupOf)),
    perImage: pairs.flatMap(perImage),
    examples: examplesOf(judged.heldOut, box),
  };
}

/** Some of the samples, the same for every version; as many groups as there can be, so that the intervals are honest. */
export function withAllKinds({ heldOut, groupOf }: Judged, most = mostWithAllKinds): Sample[] {
  const some = new Set(inTurns(heldOut, groupOf).slice(0, most));
  return heldOut.filter((sample) => some.has(sample));
}

/** All samples, one of every group, then a second of each, and so on; the same order for every version. */
export function inTurns(samples: readonly Sample[], groupOf: Judged["groupOf"]): Sample[] {
  const order = randomFor(judgeSeed, "all kinds").shuffle(samples.map((_, index) => index));
  const turns = new Map<string, number>();
  const ranked = order.map((index) => {
    const group = groupOf((samples[index] as Sample).image);
    const turn = turns.get(group) ?? 0;
    turns.set(group, turn + 1);
    return { index, turn };
  });
  return ranked.sort((a, b) => a.turn - b.turn).map(({ index }) => samples[index] as Sample);
}

export function promptMetrics(pair: Pair, groupOf: Judged["groupOf"]): PromptMetrics {
  const groups = pair.samples.map(({ image }) => groupOf(image));
  const gain = (measure: Measure) => {
    const differences = pair.samples.map((_, i): Difference => ({
      group: groups[i] as string,
      value: (pair.tuned[i] as Score)[measure] - (pair.base[i] as Score)[measure],
    }));
    return pairedGain(differences, randomFor(judgeSeed, "bootstrap", pair.kind));
  };
  return {
    kind: pair.kind,
    annotations: pair.samples.length,
    groups: new Set(groups).size,
    base: promptScores(pair.base),
    tuned: promptScores(pair.tuned),
    gain: { iou: gain("iou"), dice: gain("dice"), boundaryIou: gain("boundaryIou") },
  };
}

function perImage({ kind, samples, base, tuned }: Pair): Evaluation["perImage"] {
  const images = new Map<string, number[]>();
  for (const [index, { image }] of samples.entries()) {
    images.set(image.id, [...(images.get(image.id) ?? []), index]);
  }
  const mean = (of: readonly Score[], indexes: readonly number[]): number =>
    meanOf(indexes.map((index) => (of[index] as Score).iou));
  return Array.from(images, ([imageId, indexes]) => ({
    imageId,
    kind,
    annotations: indexes.length,
    baseIou: mean(base, indexes),
    tunedIou: mean(tuned, indexes),
  }));
}

function examplesOf(
  samples: readonly Sample[],
  { base, tuned }: { base: readonly Score[]; tuned: readonly Score[] },
): Evaluation["examples"] {
  const gainOf = (index: number): number => (tuned[index] as Score).iou - (base[index] as Score).iou;
  const order = samples.map((_, index) => index).sort((a, b) => gainOf(b) - gainOf(a));
  const id = (rank: number): string => (samples[order[rank] as number] as Sample).annotation.id;
  return { best: id(0), median: id(Math.floor((order.length - 1) / 2)), worst: id(order.length - 1) };
}
