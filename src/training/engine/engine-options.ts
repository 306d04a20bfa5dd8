import { familyOfDecoder } from "../../checkpoint/decoder-layouts.ts";
import { namesOfGroup } from "../../checkpoint/layout.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import type { EngineSpec } from "./types.ts";
import { boxTokens, longestPrompt } from "../prompts/prompts.ts";
import type { Recipe } from "../loop/recipe.ts";

/** The engine that a recipe wants, starting from these weights. */
export const engineSpecOf = (recipe: Recipe, weights: NamedTensors): EngineSpec => ({
  weights,
  trainable: namesOfGroup(recipe.train),
  loss: recipe.loss,
  iouLossWeight: recipe.iouLossWeight,
  batchSize: recipe.batchSize,
  points:
    recipe.prompts === "mixed"
      ? longestPrompt(familyOfDecoder(weights))
      : boxTokens(familyOfDecoder(weights)),
  absentTokens: recipe.prompts === "mixed",
  maskPrompts: recipe.prompts === "mixed",
  weightDecay: recipe.weightDecay,
  decayTo: recipe.decayTo,
  emaDecay: recipe.emaDecay,
  clipNorm: recipe.clipNorm,
});
