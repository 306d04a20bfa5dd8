/**
 * Whether a fine-tune's version goes live by itself: `auto` where it is surely better, `manual` never, `always` whatever
 * was measured. See training/evaluation/gate.ts.
 */
export const promotionPolicies = ["auto", "manual", "always"] as const;
export type PromotionPolicy = (typeof promotionPolicies)[number];

/** Whether the version may go live by itself, and why; the promotions tell what was done. */
export interface GateDecision {
  /** The project's when it was decided. */
  policy: PromotionPolicy;
  promote: boolean;
  reason: string;
  /** Kinds of prompts that lose. */
  warnings: string[];
}
