import type { PromptKind, PromptMetrics } from "../../src/domain/evaluation.ts";

/** What an evaluation says of one kind of prompt: three annotations of two groups, IoU .25 untuned and .5 tuned. */
export const promptMetrics = (kind: PromptKind): PromptMetrics => ({
  kind,
  annotations: 3,
  groups: 2,
  base: { meanIou: 0.25, meanDice: 0.4, meanBoundaryIou: 0.1, calibrationError: 0.3 },
  tuned: { meanIou: 0.5, meanDice: 0.66, meanBoundaryIou: 0.2, calibrationError: 0.25 },
  gain: {
    iou: { mean: 0.25, low: 0.1, high: 0.4 },
    dice: { mean: 0.26, low: 0.11, high: 0.41 },
    boundaryIou: { mean: 0.1, low: null, high: null },
  },
});
