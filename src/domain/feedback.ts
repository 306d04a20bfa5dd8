import type { LoggedPrompt } from "./prompts.ts";

export const feedbackActions = ["accept", "reject", "correct"] as const;
export type FeedbackAction = (typeof feedbackActions)[number];

/** How an annotation came to be whose mask a version had made. */
export type AnnotationLineage = FeedbackLineage | ProposalLineage;

/** Copied from the feedback and the logged prediction, so that it outlives both. */
export interface FeedbackLineage {
  action: "accept" | "correct";
  predictionId: string;
  /** Which version had seen the prompt; 0 is the base. */
  version: number;
  prompt: LoggedPrompt;
}

/** Copied from an accepted proposal, so that it outlives it: nobody had pointed at the object before. */
export interface ProposalLineage {
  action: "accept" | "correct";
  proposalId: string;
  /** Which version had found the object. */
  version: number;
  /** The box that its decoder was asked with. */
  prompt: LoggedPrompt;
}

export const isProposal = (lineage: AnnotationLineage): lineage is ProposalLineage => "proposalId" in lineage;
