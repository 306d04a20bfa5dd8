import type { Zoom } from "./focus.ts";
import type { Serving } from "./hyperparameters.ts";

/** What one kind of prompt takes, medians over the same held-out prompts, in milliseconds; see training/evaluation/latency.ts. */
export interface PromptLatency {
  /** All embeddings that an answer needs in memory: the version's and the base's, and the one as a multiple of the other. */
  warmMs: number;
  baseWarmMs: number;
  ratio: number;
  /** The image's own embedding in memory, none of the version's windows; and how many of those it encodes for a prompt. */
  coldMs: number;
  encodes: number;
}

/** Latency of a version and of the base beside it, one after the other on the same prompts of the same images. */
export interface VersionLatency {
  prompts: number;
  box: PromptLatency;
  click: PromptLatency;
}

/** A focus that a version could have had, and what is known of it beside that of the version. */
export interface OtherFocus {
  zoom: Zoom | null;
  refinedBy: "points" | "filter" | null;
  /** Mean IoU on the same samples, none of which had trained what is judged; null where it was not tried. */
  meanIou: number | null;
  ownMeanIou: number | null;
  samples: number;
}

/** How quick answers were weighed against better ones. */
export interface VersionServing {
  /** As it was asked for, no "auto" left. */
  asked: Serving;
  /** What an answer costs by count, which decides: as a multiple of the base's, all embeddings in memory; and encodes. */
  counted: { box: CountedCost; click: CountedCost };
  /** The best that an interactive version had to leave; null where there was nothing. */
  givenUp: OtherFocus | null;
  /** The interactive version that a version for best masks could have been; null where it is one, or none was tried. */
  interactiveTwin: OtherFocus | null;
}

export interface CountedCost {
  warm: number;
  encodes: number;
}
