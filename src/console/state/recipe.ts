import type { Serving } from "./serving.ts";

type Hyperparameters = Readonly<Record<string, unknown>>;

/** A choice by its name: what people read, and what it asks for; nothing where the service decides. */
type Choices<Name extends string> = Readonly<
  Record<Name, { readonly text: string; readonly hyperparameters?: Hyperparameters }>
>;

export type Effort = "auto" | "quick" | "thorough";
export type Grouping = "auto" | "none";

/** How much is tried before the training. */
export const efforts: Choices<Effort> = {
  auto: { text: "Find the best recipe" },
  quick: { text: "Quick: 12 epochs, nothing tried", hyperparameters: { epochs: 12 } },
  thorough: { text: "Thorough: six times as much work", hyperparameters: { budget_seconds: 1800 } },
};

/** What answers may cost. */
export const servings: Choices<Serving> = {
  interactive: { text: "Quick: about as quick as the untuned model" },
  best: { text: "Best masks, however long they take", hyperparameters: { serving: "best" } },
};

/** Whether images that show the same stand on one side of the split; the check of the data says which do. */
export const groupings: Choices<Grouping> = {
  auto: { text: "Copies and parts of one scene stay together" },
  none: { text: "Only the data's own groups stay together", hyperparameters: { grouping: "none" } },
};

/** What somebody chose for a fine-tune. */
export interface Recipe {
  readonly effort: Effort;
  readonly serving: Serving;
  readonly grouping: Grouping;
}

export const usualRecipe: Recipe = { effort: "auto", serving: "interactive", grouping: "auto" };

/** What a request for the fine-tune asks for; empty where the service decides all. */
export const hyperparametersOf = ({ effort, serving, grouping }: Recipe): Hyperparameters => ({
  ...efforts[effort].hyperparameters,
  ...servings[serving].hyperparameters,
  ...groupings[grouping].hyperparameters,
});
