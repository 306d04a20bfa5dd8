import { describe, expect, it } from "vitest";
import type { PairedGain, PromptKind, PromptMetrics } from "../../../src/domain/evaluation.ts";
import { decidePromotion } from "../../../src/training/evaluation/gate.ts";

/** Figures of one kind of prompt, where base and tuned are mean IoU. */
function scored(base: number, tuned: number, low: number | null, kind: PromptKind = "box"): PromptMetrics {
  const scores = (meanIou: number) => ({ meanIou, meanDice: 0, meanBoundaryIou: 0, calibrationError: 0 });
  const gain: PairedGain = { mean: tuned - base, low, high: low === null ? null : 2 * (tuned - base) - low };
  return {
    kind,
    annotations: 9,
    groups: 9,
    base: scores(base),
    tuned: scores(tuned),
    gain: { iou: gain, dice: gain, boundaryIou: gain },
  };
}

const auto = (box: PromptMetrics, active?: { number: number; meanIou: number }) =>
  decidePromotion({ policy: "auto", prompts: [box], active });

describe("automatic promotion", () => {
  it("follows a win over the base that is beyond doubt", () => {
    expect(auto(scored(0.5, 0.6, 0.04))).toEqual({
      policy: "auto",
      promote: true,
      reason: "held-out mean IoU 0.600 beats the base's 0.500 (gain 0.100, 95 % interval 0.040 to 0.160)",
      warnings: [],
    });
  });

  it("does not follow a win that may be chance", () => {
    expect(auto(scored(0.5, 0.6, -0.01))).toMatchObject({
      promote: false,
      reason: expect.stringContaining(
        "does not surely beat the base's 0.500 (gain 0.100, 95 % interval -0.010 to",
      ),
    });
    expect(auto(scored(0.5, 0.6, 0)).promote).toBe(false);
    expect(auto(scored(0.5, 0.6, null))).toMatchObject({
      promote: false,
      reason: expect.stringContaining("a single group of images is too little"),
    });
  });

  it("does not follow a tie, a loss, or a figure that is none", () => {
    expect(auto(scored(0.5, 0.5, 0)).promote).toBe(false);
    expect(auto(scored(0.5, 0.4, -0.2)).reason).toBe(
      "held-out mean IoU 0.400 does not beat the base's 0.500",
    );
    expect(auto(scored(0.5, Number.NaN, Number.NaN)).promote).toBe(false);
    expect(auto(scored(0.5, 0.6, Number.NaN)).promote).toBe(false);
  });

  it("asks to beat the live version as well", () => {
    expect(auto(scored(0.5, 0.6, 0.05), { number: 3, meanIou: 0.65 })).toMatchObject({
      promote: false,
      reason: "held-out mean IoU 0.600 does not beat the 0.650 of version 3, which is live",
    });
    expect(auto(scored(0.5, 0.7, 0.05), { number: 3, meanIou: 0.65 })).toMatchObject({
      promote: true,
      reason: expect.stringContaining("beats the base's 0.500 and version 3's 0.650"),
    });
  });
});

describe("a kind of prompt that loses", () => {
  const prompts = [
    scored(0.5, 0.6, 0.05),
    scored(0.4, 0.37, -0.05, "one_click"),
    scored(0.4, 0.391, -0.02, "three_clicks"),
  ];

  it("by more than .01 holds the version back, and the reason says which", () => {
    const decision = decidePromotion({ policy: "auto", prompts });
    expect(decision.promote).toBe(false);
    expect(decision.warnings).toEqual(["one_click loses: mean IoU 0.400 falls to 0.370"]);
    expect(decision.reason).toMatch(/; held back: one_click loses: mean IoU 0.400 falls to 0.370$/);
  });

  it("by less does not, nor where every version goes live", () => {
    const [box, , threeClicks] = prompts as [PromptMetrics, PromptMetrics, PromptMetrics];
    expect(decidePromotion({ policy: "auto", prompts: [box, threeClicks] }).promote).toBe(true);
    expect(decidePromotion({ policy: "always", prompts })).toMatchObject({
      promote: true,
      reason: expect.stringMatching(/; promotion is always here; warning: one_click loses/),
    });
  });
});

describe("the project's policy", () => {
  it("can keep every version for a person to promote, and still says how it did", () => {
    expect(decidePromotion({ policy: "manual", prompts: [scored(0.5, 0.6, 0.05)] })).toMatchObject({
      policy: "manual",
      promote: false,
      reason: expect.stringMatching(/beats the base's 0.500 .*; promotion is manual here$/),
    });
  });

  it("can let every version go live", () => {
    expect(decidePromotion({ policy: "always", prompts: [scored(0.5, 0.4, -0.2)] })).toMatchObject({
      policy: "always",
      promote: true,
      reason: "held-out mean IoU 0.400 does not beat the base's 0.500; promotion is always here",
    });
  });
});
