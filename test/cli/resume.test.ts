import { expect, it } from "vitest";
import { isAskedBy } from "../../src/cli/resume.ts";

it.each([
  ["no options", {}, true],
  ["the same", { hyperparameters: { epochs: 5 }, seed: 3 }, true],
  ["one of those that were given", { hyperparameters: { serving: "best" } }, true],
  ["another number of epochs", { hyperparameters: { epochs: 50 } }, false],
  ["one that was not given", { hyperparameters: { budget_seconds: 60 } }, false],
  ["another seed", { seed: 0 }, false],
])("takes up a fine-tune again by its options: %s", (_, asked, is) => {
  expect(isAskedBy({ hyperparameters: { epochs: 5, serving: "best" }, seed: 3 }, asked)).toBe(is);
});
