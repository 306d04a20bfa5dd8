import type { Hyperparameters } from "../../domain/hyperparameters.ts";
import { type Recipe, samplesInAll } from "../loop/recipe.ts";
import { budgetOf, isByHand } from "../search/choose.ts";
import { costs } from "../search/costs.ts";
import type { FinderSteps } from "./train-finder.ts";

/** More bring little: in PyTorch, on nuclei, 1,600 steps came to a box AP50 of .635, 400 to .625. */
const mostSteps = 400;
/** Fewer bring a finder that finds little. */
const fewestSteps = 60;
/** Training a finder may be counted for so much of a fine-tune; judging it comes on top, see judge-finder.ts. */
const share = 0.15;
/**
 * Images at most that are encoded for it, most of them flipped copies: in PyTorch, on nuclei, one each of 20 brought .003 to
 * .06 of AP50 by boxes over three seeds, and three each hardly more in as many steps.
 */
const mostEncodes = 32;

export const stepsInAll = (steps: FinderSteps | null): number => (steps ? steps.half + steps.last : 0);

/**
 * How long a finder trains: within 15 % of what the fine-tune was to take, a third of its steps for the one that calibrates,
 * and what is left for images that hold nothing and flipped copies. Null where none was asked for, or where that is too
 * little for one.
 * @param recipe left out while it is not known yet
 */
export function finderSteps(asked: Hyperparameters, recipe: Recipe | undefined): FinderSteps | null {
  if (asked.finder === "none") return null;
  if (typeof asked.finder === "number") return halved(asked.finder, mostEncodes);
  if (asked.finder === "always") return halved(mostSteps, mostEncodes);
  const seconds = isByHand(asked) ? (recipe ? samplesInAll(recipe) * costs.trainMixed : 0) : budgetOf(asked);
  const affordable = share * seconds;
  const last = Math.min(mostSteps, Math.floor((affordable * 2) / 3 / costs.finderStep));
  if (last < fewestSteps) return null;
  const left = affordable - 1.5 * last * costs.finderStep;
  return halved(last, Math.min(mostEncodes, Math.floor(left / costs.encode)));
}

const halved = (last: number, encodes: number): FinderSteps => ({
  last,
  half: Math.floor(last / 2),
  encodes,
});
