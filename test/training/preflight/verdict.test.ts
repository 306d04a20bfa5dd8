import { expect, it } from "vitest";
import type { Finding, LearningCurve } from "../../../src/domain/preview.ts";
import { verdictOf } from "../../../src/training/preflight/verdict.ts";

function curve(gain: [number, number, number], byHeart: number, grid = 0.95, trained = 0.5): LearningCurve {
  const [low, mean, high] = gain;
  return {
    base_iou: 0.2,
    points: [5, 10, 20].map((images) => ({
      images,
      iou: { mean: 0.5, low: 0.4, high: 0.6 },
      train_iou: trained,
    })),
    power_law: { scale: 0.5, exponent: 0 },
    images_now: 20,
    gain_from_twice: { mean, low, high },
    by_heart_iou: byHeart,
    grid_limit_iou: grid,
  };
}
const fault = (severity: Finding["severity"]): Finding => ({
  code: "mask_empty",
  severity,
  message: "The mask is empty.",
  image_ids: [],
  annotation_ids: [],
});

it.each([
  ["a curve that surely rises", curve([0.01, 0.03, 0.05], 0.9), "more_images_help"],
  ["one that rises, perhaps", curve([-0.02, 0.03, 0.08], 0.9), "unclear"],
  ["one that rises surely but hardly", curve([0.001, 0.004, 0.007], 0.9, 0.95, 0.85), "enough_images"],
  ["one that may be flat or not", curve([-0.05, 0, 0.05], 0.9), "unclear"],
  ["a flat one of a decoder that learns", curve([-0.01, 0, 0.01], 0.9, 0.95, 0.85), "enough_images"],
  ["a flat one of runs too short to tell", curve([-0.01, 0, 0.01], 0.9, 0.95, 0.5), "train_longer"],
  [
    "a flat one of a decoder that had learnt all it can",
    curve([-0.01, 0, 0.01], 0.6, 0.95, 0.55),
    "encoder_is_the_limit",
  ],
  ["a flat one of a decoder that can't", curve([-0.01, 0, 0.01], 0.5), "encoder_is_the_limit"],
  ["a flat one at what the grid allows", curve([-0.01, 0, 0.01], 0.6, 0.65), "grid_is_the_limit"],
  ["a flat one far below what the grid allows", curve([-0.01, 0, 0.01], 0.4, 0.8), "encoder_is_the_limit"],
  ["no curve", null, "unclear"],
])("judges %s", (_, drawn, code) => {
  expect(verdictOf([], drawn).code).toBe(code);
});

it("says in one sentence, with the curve's numbers, that the encoder is the limit", () => {
  const { message } = verdictOf([], curve([-0.012, 0.001, 0.01], 0.52));
  expect(message).toMatch(
    /^More images will not help: [^.]*\+0\.001 IoU[^!?]*0\.52[^!?]*frozen encoder is the limit\.$/,
  );
});

it("puts errors in the data before all else, and warnings not", () => {
  const rising = curve([0.01, 0.03, 0.05], 0.9);
  expect(verdictOf([fault("error"), fault("error")], rising)).toEqual({
    code: "fix_data_first",
    message: "Fix the data first (and 1 more): The mask is empty.",
  });
  expect(verdictOf([fault("warning")], rising).code).toBe("more_images_help");
});
