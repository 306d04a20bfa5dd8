import type { Finder } from "../../domain/finder.ts";

/** A label as CVAT knows it; `id` is its place in the list, from 1. */
export interface CvatLabel {
  readonly id: number;
  readonly name: string;
}

/** What objects without a label are called where each has to have one. */
const unlabelled = "object";

export const cvatName = (label: string | null | undefined): string => label ?? unlabelled;

/** What a version's finder tells apart; none without one. */
export const cvatLabels = (finder: Pick<Finder, "labels"> | null | undefined): CvatLabel[] =>
  [...new Set(finder?.labels.map(cvatName) ?? [])].map((name, i) => ({ id: i + 1, name }));
