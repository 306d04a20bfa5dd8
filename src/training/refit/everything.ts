import type { PreparedData } from "../data/prepare.ts";
import { type Sample, samplesOf } from "../data/samples.ts";

/** What a refit trains on. */
export interface Everything {
  /** Samples whose regions are encoded. */
  readonly train: readonly Sample[];
  /** All that is annotated. */
  readonly nearby: readonly Sample[];
}

/**
 * Every annotated image, whatever its set was, and those that were in none. Where a closer look sees but some of the data,
 * what it has encoded, and whatever else is annotated there.
 * @param data as the last training and its judgement saw it
 */
export function everythingOf(data: PreparedData, { thinned }: { thinned: boolean }): Everything {
  const { snapshot } = data.frozen;
  const seen = new Map(
    [...data.train, ...data.selection, ...data.heldOut].map((one) => [one.annotation.id, one]),
  );
  // The same objects, so that what is known of a sample is known of it here.
  const nearby = samplesOf(snapshot, snapshot.images).map((one) => seen.get(one.annotation.id) ?? one);
  return { train: thinned ? nearby.filter((one) => seen.has(one.annotation.id)) : nearby, nearby };
}
