import { describe, expect, it } from "vitest";
import { decidePromotion } from "../../src/training/gate.ts";

describe("automatic promotion", () => {
  it("follows a win over the base", () => {
    expect(decidePromotion({ base: 0.5, tuned: 0.6 })).toEqual({
      promote: true,
      reason: "held-out mean IoU 0.600 beats the base's 0.500",
    });
  });

  it("does not follow a tie or a loss", () => {
    expect(decidePromotion({ base: 0.5, tuned: 0.5 }).promote).toBe(false);
    expect(decidePromotion({ base: 0.5, tuned: 0.4 }).promote).toBe(false);
    expect(decidePromotion({ base: 0.5, tuned: Number.NaN }).promote).toBe(false);
  });

  it("asks to beat the live version as well", () => {
    expect(decidePromotion({ base: 0.5, tuned: 0.6, active: { number: 3, meanIou: 0.65 } })).toEqual({
      promote: false,
      reason: "held-out mean IoU 0.600 does not beat the 0.650 of version 3, which is live",
    });
    expect(decidePromotion({ base: 0.5, tuned: 0.7, active: { number: 3, meanIou: 0.65 } }).promote).toBe(
      true,
    );
  });
});
