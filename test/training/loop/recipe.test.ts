import { describe, expect, it } from "vitest";
import { AppError } from "../../../src/lib/errors.ts";
import { baseModel } from "../../../src/checkpoint/base-models.ts";
import { namesOfGroup } from "../../../src/checkpoint/layout.ts";
import {
  type Hyperparameters,
  parseHyperparameters,
  servingOf,
} from "../../../src/domain/hyperparameters.ts";
import { engineSpecOf } from "../../../src/training/engine/engine-options.ts";
import { longestPrompt } from "../../../src/training/prompts/prompts.ts";
import { recipeAsUsed, resolveRecipe, scheduleOf, stepsPerEpoch } from "../../../src/training/loop/recipe.ts";
import { learningRateAt } from "../../../src/training/loop/schedule.ts";

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

  it("answers quickly where nothing else is asked for, and takes tiles that are asked for by hand", () => {
    const zoom = { context: 1.5, tiles: 2 };
    expect(servingOf(parseHyperparameters({}))).toBe("interactive");
    expect(servingOf(parseHyperparameters({ serving: "auto", zoom: "none" }))).toBe("interactive");
    expect(servingOf(parseHyperparameters({ serving: "best" }))).toBe("best");
    expect(servingOf(parseHyperparameters({ zoom }))).toBe("best");
    expect(() => parseHyperparameters({ serving: "interactive", zoom })).toThrow(
      expect.objectContaining({ code: "hyperparameter_invalid", param: "hyperparameters.zoom.tiles" }),
    );
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
    const more = parseHyperparameters({
      loss: { boundary: 0.5, dice: 2 },
      iou_loss_weight: 0.1,
      decay_to: "base",
      ema_decay: 0.99,
      train: "heads",
      prompts: "mixed",
      box_jitter: 0.1,
      schedule: "constant",
    });
    const recipe = resolveRecipe(more, { trainSamples: 30, startIou: 0.2 });
    expect(recipeAsUsed(recipe)).toMatchObject({ ...more, loss: "2 dice + 0.5 boundary" });
  });

  it("trains every kind of prompt where nothing is asked for", () => {
    const recipe = resolveRecipe({}, { trainSamples: 30, startIou: 0.2 });
    expect(recipe).toMatchObject({ loss: "dice_bce", prompts: "mixed", train: "all", schedule: "cosine" });
    expect(recipe).toMatchObject({ iouLossWeight: 0.1, emaDecay: 0, decayTo: "zero", jitter: 0.05 });
  });

  it("can be the tutorial's, and what is asked for comes first", () => {
    const asked = parseHyperparameters({
      recipe: "tutorial",
      learning_rate: "auto",
      epochs: 5,
      batch_size: 2,
    });
    const recipe = resolveRecipe(asked, { trainSamples: 30, startIou: 0.2 });
    expect(recipe).toMatchObject({ learningRate: 1e-3, loss: "tutorial_mse", weightDecay: 0, jitter: 0 });
    expect(recipe).toMatchObject({ epochs: 5, batchSize: 2, warmupSteps: 0, schedule: "constant" });
    const rates = [0, 10, 74].map((step) => learningRateAt(scheduleOf(recipe), step));
    expect(rates).toEqual([1e-3, 1e-3, 1e-3]);
  });

  it("gives its engine what it says", async () => {
    const weights = await baseModel("mobile_sam").decoderWeights();
    const specOf = (asked: Hyperparameters) =>
      engineSpecOf(resolveRecipe(asked, { trainSamples: 30, startIou: 0.2 }), weights);
    expect(specOf({ prompts: "box" })).toMatchObject({
      points: 2,
      absentTokens: false,
      maskPrompts: false,
      emaDecay: 0,
    });
    const mixed = specOf({
      prompts: "mixed",
      train: "heads",
      ema_decay: 0.9,
      decay_to: "base",
      loss: { mse: 1 },
    });
    expect(mixed).toMatchObject({
      points: longestPrompt(),
      absentTokens: true,
      maskPrompts: true,
      emaDecay: 0.9,
    });
    expect(mixed).toMatchObject({ decayTo: "base", loss: { mse: 1 }, trainable: namesOfGroup("heads") });
  });
});

describe("hyperparameters", () => {
  it.each([
    [{ epochs: 0 }, "hyperparameters.epochs"],
    [{ loss: "hinge" }, "hyperparameters.loss"],
    [{ learning_rate: Number.NaN }, "hyperparameters.learning_rate"],
    [{ epoch: 3 }, "hyperparameters"],
    [{ loss: {} }, "hyperparameters.loss"],
    [{ loss: { dice: 0 } }, "hyperparameters.loss"],
    [{ loss: { dice: 1, jaccard: 1 } }, "hyperparameters.loss"],
    [{ ema_decay: 1 }, "hyperparameters.ema_decay"],
    [{ recipe: "best" }, "hyperparameters.recipe"],
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
