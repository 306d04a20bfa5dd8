import { describe, expect, it } from "vitest";
import {
  efforts,
  groupings,
  hyperparametersOf,
  servings,
  usualRecipe,
} from "../../src/console/state/recipe.ts";
import { hyperparametersSchema } from "../../src/domain/hyperparameters.ts";

describe("what the console asks of a fine-tune", () => {
  it("is nothing where nobody chose anything", () => {
    expect(hyperparametersOf(usualRecipe)).toEqual({});
  });

  it("is what the switches say", () => {
    expect(hyperparametersOf({ ...usualRecipe, grouping: "none" })).toEqual({ grouping: "none" });
    expect(hyperparametersOf({ effort: "quick", serving: "best", grouping: "none" })).toEqual({
      epochs: 12,
      serving: "best",
      grouping: "none",
    });
  });

  it("is what the service takes, whatever was chosen", () => {
    for (const effort of Object.keys(efforts) as (keyof typeof efforts)[])
      for (const serving of Object.keys(servings) as (keyof typeof servings)[])
        for (const grouping of Object.keys(groupings) as (keyof typeof groupings)[]) {
          const asked = hyperparametersOf({ effort, serving, grouping });
          expect(hyperparametersSchema.parse(asked)).toMatchObject(asked);
        }
  });
});
