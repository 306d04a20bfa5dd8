/** How a base model did on a project's own annotations, by their exact boxes, each image seen whole. */
export interface TriedBase {
  readonly baseModel: string;
  /** Mean IoU of the base as it is. */
  readonly meanIou: number;
  /** Mean IoU after short trainings on one half of the annotations, judged on the other; null where there was none. */
  readonly tunedMeanIou: number | null;
}

/**
 * Where a project's base model comes from, if nobody has named it: the first fine-tune takes one of those that the
 * installation has. Until then the project answers by the one that it was made with.
 */
export interface BaseChoice {
  /** Which fine-tune has chosen; null is a choice that is still open. */
  readonly fineTuneId: string | null;
  /** In the order in which they were tried; empty where there was but one. */
  readonly tried: readonly TriedBase[];
  /** Names of those that the budget had no room for. */
  readonly notTried: readonly string[];
  /** Annotations that judged. */
  readonly annotations: number;
  /** Budget seconds of it all, which the fine-tune has less for the rest. */
  readonly seconds: number;
}

export const openChoice: BaseChoice = {
  fineTuneId: null,
  tried: [],
  notTried: [],
  annotations: 0,
  seconds: 0,
};

/** What a project asks for that leaves the choice to its first fine-tune. */
export const autoBase = "auto";

/** A base whose encoder is larger, and so slower, has to bring so much mean IoU over a smaller one. */
const largerIsWorth = 0.01;

/** What a base is worth: a fine-tune is never worse than its start. */
export const worthOf = ({ meanIou, tunedMeanIou }: TriedBase): number => Math.max(meanIou, tunedMeanIou ?? 0);

/** The one to take. @param tried smallest encoder first, at least one */
export const bestBase = (tried: readonly TriedBase[]): TriedBase =>
  tried.reduce((best, one) => (worthOf(one) > worthOf(best) + largerIsWorth ? one : best));
