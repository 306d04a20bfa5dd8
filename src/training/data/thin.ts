import type { Box } from "../../imaging/types.ts";
import type { Zoom } from "../../domain/focus.ts";
import { inTurns } from "../evaluation/evaluation.ts";
import { liesIn, regionNames, seenRegions } from "../focus/parts.ts";
import type { PreparedData } from "./prepare.ts";
import { randomFor, type Sample } from "./samples.ts";
import { costs } from "../search/costs.ts";
import { foldsFor } from "./folds.ts";

/** Encoding all that is seen through a zoom may take so much of the budget. */
const encodingShare = 0.55;
/** And of that what is held out and what chooses so much, where the samples are many. */
const [heldOutShare, selectionShare] = [0.25, 0.15];
/** Fewer judge too badly to be worth a closer look. */
const [fewestHeldOut, fewestSelection] = [24, 12];
/** A closer look that leaves fewer samples to train on, or a smaller share of them, is not worth it: plain SAM trains on all. */
const [fewest, enough, leastShare] = [16, 64, 0.25];
/** A window so many times as wide as a sample's own shows that sample well enough. */
const wideEnough = 2;

type Split = Pick<PreparedData, "train" | "selection" | "heldOut" | "groupOf">;

/** What the last training and its judgement see through a zoom; each in the order of the data. */
export interface Encodable {
  /** Whose regions are encoded. */
  readonly train: readonly Sample[];
  /** All training samples: those that lie in a region that is encoded anyway are learnt from too. */
  readonly nearby: readonly Sample[];
  readonly selection: readonly Sample[];
  readonly heldOut: readonly Sample[];
  /** Training samples that are learnt from. */
  readonly learnt: number;
  /** Whether these are enough to try the zoom. */
  readonly worthIt: boolean;
}

/**
 * All samples, or as many of them as a budget encodes through a zoom: of what is held out and of what chooses some of
 * every group, and of what trains first what the search has encoded already, then what no encoded region shows yet.
 * The same data, zoom, budget and seed give the same; what is held out goes by no seed, so that versions with the same
 * zoom are judged by the same.
 */
export function encodable(
  data: Split,
  zoom: Zoom | null,
  { budget, seed }: { budget: number; seed: number },
): Encodable {
  const { train, selection, heldOut, groupOf } = data;
  if (!zoom) return { train, nearby: train, selection, heldOut, learnt: train.length, worthIt: true };
  const most = Math.floor((budget * encodingShare) / costs.encode);
  const taken = new Set<string>();
  const judged = upTo(inTurns(heldOut, groupOf), zoom, {
    taken,
    most: most * heldOutShare,
    fewest: fewestHeldOut,
  });
  // With few images the same samples train and choose, and all of them do.
  const same = selection.every((sample) => train.includes(sample));
  const choosing = same
    ? new Set(selection)
    : upTo(inTurns(selection, groupOf), zoom, {
        taken,
        most: taken.size + most * selectionShare,
        fewest: fewestSelection,
      });
  const trained = trainedOn(data, zoom, { most: most - taken.size, seed });
  const atLeast = Math.max(
    Math.min(fewest, train.length),
    Math.min(enough, Math.ceil(train.length * leastShare)),
  );
  const kept = (samples: readonly Sample[], some: ReadonlySet<Sample>): readonly Sample[] =>
    some.size === samples.length ? samples : samples.filter((sample) => some.has(sample));
  return {
    train: kept(train, trained.chosen),
    nearby: train,
    selection: kept(selection, choosing),
    heldOut: kept(heldOut, judged),
    learnt: trained.learnt,
    worthIt: trained.learnt >= atLeast,
  };
}

/** The first samples whose regions are at most so many, but never fewer than `fewest`; `taken` gets their regions. */
function upTo(
  order: readonly Sample[],
  zoom: Zoom,
  { taken, most, fewest: least }: { taken: Set<string>; most: number; fewest: number },
): Set<Sample> {
  const some = new Set<Sample>();
  for (const sample of order) {
    const names = regionNames(sample, zoom).filter((name) => !taken.has(name));
    if (some.size >= least && taken.size + names.length > most) break;
    for (const name of names) taken.add(name);
    some.add(sample);
  }
  return some;
}

function trainedOn(
  { train, selection, groupOf }: Split,
  zoom: Zoom,
  { most, seed }: { most: number; seed: number },
): { chosen: ReadonlySet<Sample>; learnt: number } {
  const development = [...new Set([...train, ...selection])];
  const searched = new Set(foldsFor(development, ({ image }) => groupOf(image), seed)?.parts.flat());
  const shuffled = randomFor(seed, "some").shuffle([...train]);
  const order = [
    ...shuffled.filter((sample) => searched.has(sample)),
    ...shuffled.filter((sample) => !searched.has(sample)),
  ];
  const taken = new Set<string>();
  const chosen = new Set<Sample>();
  const encoded = new Map<string, Box[]>();
  const isShown = (sample: Sample, widest: number): boolean =>
    (encoded.get(sample.image.id) ?? []).some(
      (region) => region[2] - region[0] <= widest && liesIn(sample.annotation.box, region),
    );
  // First so that as many as can be are shown, then, where windows are made for one object, with what is left windows of
  // their own; where they are made to be shared, what would be left does more for the training itself.
  for (const everyone of zoom.raster === undefined ? [false, true] : [false]) {
    for (const sample of order) {
      if (chosen.has(sample)) continue;
      const { window, regions } = seenRegions(sample, zoom);
      if (!everyone && isShown(sample, wideEnough * (window[2] - window[0]))) continue;
      const names = trainedNames(sample, zoom).filter((name) => !taken.has(name));
      if (taken.size + names.length > most && chosen.size >= Math.min(fewest, train.length)) continue;
      for (const name of names) taken.add(name);
      chosen.add(sample);
      encoded.set(sample.image.id, [...(encoded.get(sample.image.id) ?? []), ...regions]);
    }
  }
  const learnt = train.filter((sample) => chosen.has(sample) || isShown(sample, Number.POSITIVE_INFINITY));
  return { chosen, learnt: learnt.length };
}

/** What training encodes for a sample: tiles, and the window round them from which clicks are answered. */
const trainedNames = (sample: Sample, zoom: Zoom): string[] => [
  ...new Set([...regionNames(sample, zoom), ...regionNames(sample, { ...zoom, tiles: 1 })]),
];
