import type { Zoom } from "../lib/focus.ts";
import type { PreparedData } from "./prepare.ts";
import { type Sample, someOf } from "./samples.ts";
import { costs } from "./search/costs.ts";
import { foldsFor } from "./search/folds.ts";
import { optionOf } from "./search/zoom-options.ts";

/** Encoding all samples through a zoom may take so much of the budget. */
const encodingShare = 0.55;
/** A closer look that leaves fewer samples, or a smaller share of them, to train on is not worth it: plain SAM trains on all. */
const [fewest, leastShare] = [16, 0.25];
/** What regions a sample has is taken over so many. */
const counted = 24;

type Split = Pick<PreparedData, "train" | "selection" | "heldOut">;

/**
 * How many training samples a budget leaves room for, when each of them and of those that choose and are held out is seen
 * in so many regions; 0 where it leaves too few. Whatever chooses and is held out stays: fewer would make it less sure.
 */
export function affordableTraining(data: Split, regions: number, budget: number): number {
  const others = new Set([...data.selection, ...data.heldOut]);
  // With few images the same samples train and choose.
  for (const sample of data.train) others.delete(sample);
  const inAll = Math.floor((budget * encodingShare) / (regions * costs.encode));
  const count = Math.min(data.train.length, inAll - others.size);
  return count < leastOf(data.train.length) ? 0 : count;
}

const leastOf = (samples: number): number =>
  Math.max(Math.min(fewest, samples), Math.ceil(samples * leastShare));

/**
 * The samples that the last training sees through a zoom: all, or as many as the budget encodes, first those that the
 * search has encoded already. The same data, zoom, budget and seed give the same ones, in the order of `train`.
 */
export function trainedOn(
  data: Split & Pick<PreparedData, "groupOf">,
  zoom: Zoom | null,
  { budget, seed }: { budget: number; seed: number },
): readonly Sample[] {
  const { train, selection, groupOf } = data;
  if (!zoom) return train;
  const { regions } = optionOf(train.slice(0, counted), zoom);
  const count = Math.max(affordableTraining(data, regions, budget), leastOf(train.length));
  if (count >= train.length) return train;
  const development = [...new Set([...train, ...selection])];
  const folds = foldsFor(development, ({ image }) => groupOf(image), seed);
  const searched = new Set(folds?.parts.flat());
  const known = train.filter((sample) => searched.has(sample));
  const others = train.filter((sample) => !searched.has(sample));
  const taken = new Set([
    ...someOf(known, count, seed),
    ...someOf(others, Math.max(0, count - known.length), seed),
  ]);
  return train.filter((sample) => taken.has(sample));
}
