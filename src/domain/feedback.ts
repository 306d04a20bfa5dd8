import type { LoggedPrompt } from "./prompts.ts";

export const feedbackActions = ["accept", "reject", "correct"] as const;
export type FeedbackAction = (typeof feedbackActions)[number];

/** Copied from the feedback and the logged prediction, so that it outlives both. */
export interface AnnotationLineage {
  action: "accept" | "correct";
  predictionId: string;
  /** Which version had seen the prompt; 0 is the base. */
  version: number;
  prompt: LoggedPrompt;
}
