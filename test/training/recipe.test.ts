import { describe, expect, it } from "vitest";
import { AppError } from "../../src/lib/errors.ts";
import { parseHyperparameters } from "../../src/lib/hyperparameters.ts";
import { resolveRecipe, stepsPerEpoch } from "../../src/training/recipe.ts";

describe("the recipe of a run", () => {
  it("looks at about the same number of samples for 12 as for 80 of them", () => {
    for (const samples of [13, 22, 40, 71, 83]) {
      const recipe = resolveRecipe({}, { trainSamples: samples, startIou: 0.2 });
      const seen = recipe.epochs * stepsPerEpoch(recipe.samplesPerEpoch, recipe.batchSize) * recipe.batchSize;
      expect(seen).toBeGreaterThanOrEqual(380);
      expect(seen).toBeLessThanOrEqual(680);
    }
  });

  it("never asks for a batch larger than the training set", () => {
    expect(resolveRecipe({}, { trainSamples: 1, startIou: 0.2 }).batchSize).toBe(1);
    expect(resolveRecipe({ batch_size: 16 }, { trainSamples: 3, startIou: 0.2 }).batchSize).toBe(3);
  });

  it("moves a good start with more care than a bad one", () => {
    const rate = (startIou: number): number => resolveRecipe({}, { trainSamples: 20, startIou }).learningRate;
    expect(rate(0.7)).toBeLessThan(rate(0.2));
  });

  it("bounds the epoch of a large set", () => {
    const recipe = resolveRecipe({ epochs: "auto" }, { trainSamples: 20_000, startIou: 0.2 });
    expect(recipe.epochs * recipe.samplesPerEpoch).toBeLessThanOrEqual(3200);
  });

  it("takes what was asked for", () => {
    const asked = parseHyperparameters({
      epochs: 3,
      learning_rate: 1e-5,
      batch_size: 1,
      loss: "mse",
      weight_decay: 0,
      clip_norm: 2,
      warmup_steps: 0,
      patience: 1,
    });
    expect(resolveRecipe(asked, { trainSamples: 30, startIou: 0.2 })).toMatchObject({
      epochs: 3,
      learningRate: 1e-5,
      batchSize: 1,
      loss: "mse",
      weightDecay: 0,
      clipNorm: 2,
      warmupSteps: 0,
      patience: 1,
    });
  });
});

describe("hyperparameters", () => {
  it.each([
    [{ epochs: 0 }, "hyperparameters.epochs"],
    [{ loss: "hinge" }, "hyperparameters.loss"],
    [{ learning_rate: Number.NaN }, "hyperparameters.learning_rate"],
    [{ epoch: 3 }, "hyperparameters"],
    ["fast", "hyperparameters"],
  ])("are refused by name: %j", (value, param) => {
    try {
      parseHyperparameters(value);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(AppError);
      expect(error).toMatchObject({ code: "hyperparameter_invalid", param });
    }
  });
});
