import { parseArgs } from "node:util";
import { messageOf } from "../../src/lib/errors.ts";
import { parseHyperparameters } from "../../src/domain/hyperparameters.ts";
import type { EngineName } from "../../src/training/engine/types.ts";
import { pythonOf, whole } from "../lib/options.ts";
import { dataArguments, type DataOptions, readData } from "../lib/product/data-options.ts";

export const usage =
  "  quality --data DIR [--json] [--budget SECONDS] [--engine auto|compiled|eager] [--seed N]\n" +
  "          [--cache DIR] [--max-annotations N] [--only base,tutorial,auto,best]\n" +
  "          [--given HYPERPARAMETERS] [--keep-back IMAGES]\n" +
  "          [--grid] [--python PATH] [--grid-epochs N] [--grid-rates R,R] [--grid-losses L,L]\n" +
  "          [--grid-threads N]\n" +
  "          DIR holds images/<stem>.* and masks/<stem>.png or masks/<stem>__<k>.png, and groups.csv where images belong together;\n" +
  "          HYPERPARAMETERS is JSON as POST .../fine-tunes takes it, for one more row;\n" +
  "          IMAGES of them are given to no fine-tune and judge what is served\n";

export interface QualityOptions extends DataOptions {
  readonly engine: EngineName | "auto";
  readonly recipes: readonly RecipeName[];
  /** Hyperparameters of one more fine-tune. */
  readonly given: Readonly<Record<string, unknown>> | undefined;
  /** Images that no fine-tune is given. */
  readonly keepBack: number | undefined;
  readonly grid: GridOptions | undefined;
}

export const recipeNames = ["tutorial", "auto", "best"] as const;
export type RecipeName = (typeof recipeNames)[number];
/** A fine-tune that the report has a row of. */
export type JobName = RecipeName | "given";

export interface GridOptions {
  /** Undefined where there is none: then there is no peer. */
  readonly python: string | undefined;
  readonly epochs: number;
  readonly rates: readonly number[];
  readonly losses: readonly string[];
  /** 0 lets PyTorch choose. */
  readonly threads: number;
}

const gridLosses = ["dice_bce", "focal_dice", "mse"];

/** Throws an Error that says which option is wrong. */
export function readOptions(args: readonly string[]): QualityOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...dataArguments,
      engine: { type: "string", default: "auto" },
      only: { type: "string", default: recipeNames.join() },
      given: { type: "string" },
      "keep-back": { type: "string" },
      grid: { type: "boolean", default: false },
      python: { type: "string" },
      "grid-epochs": { type: "string", default: "6" },
      "grid-rates": { type: "string", default: "1e-4,3e-4,1e-3" },
      "grid-losses": { type: "string", default: gridLosses.join() },
      "grid-threads": { type: "string", default: "0" },
    },
  });
  return {
    ...readData(values),
    engine: oneOf("--engine", values.engine, ["auto", "compiled", "eager"] as const),
    recipes: listOf("--only", values.only, ["base", ...recipeNames] as const).filter(
      (name) => name !== "base",
    ),
    given: values.given === undefined ? undefined : readGiven(values.given),
    keepBack: values["keep-back"] === undefined ? undefined : whole("keep-back", values["keep-back"], 1),
    grid: values.grid
      ? {
          python: pythonOf(values.python),
          epochs: whole("grid-epochs", values["grid-epochs"], 1),
          rates: values["grid-rates"].split(",").map((text) => positive("--grid-rates", text)),
          losses: listOf("--grid-losses", values["grid-losses"], gridLosses),
          threads: whole("grid-threads", values["grid-threads"], 0),
        }
      : undefined,
  };
}

function readGiven(text: string): Readonly<Record<string, unknown>> {
  try {
    return parseHyperparameters(JSON.parse(text));
  } catch (error) {
    throw new Error(`--given: ${messageOf(error)}`, { cause: error });
  }
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new Error(`${name}: ${text} is not between 0 and 1`);
  return value;
}

function oneOf<T extends string>(name: string, text: string, known: readonly T[]): T {
  const found = known.find((one) => one === text);
  if (found === undefined) throw new Error(`${name}: ${text} is none of ${known.join(", ")}`);
  return found;
}

const listOf = <T extends string>(name: string, text: string, known: readonly T[]): T[] =>
  text.split(",").map((one) => oneOf(name, one, known));
