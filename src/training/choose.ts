import type { NamedTensors } from "../checkpoint/named-tensors.ts";
import type { Project } from "../db/queries/projects.ts";
import type { Zoom } from "../lib/focus.ts";
import type { Hyperparameters } from "../lib/hyperparameters.ts";
import { mostWithAllKinds } from "./evaluation/evaluation.ts";
import { regionNames, trainingParts } from "./focus/parts.ts";
import type { PreparedData } from "./prepare.ts";
import { type Recipe, resolveRecipe, samplesInAll } from "./recipe.ts";
import type { RunContext } from "./run-context.ts";
import type { Sample } from "./samples.ts";
import { type Arm, armsFor, nameOfArm } from "./search/arms.ts";
import { costs, Purse } from "./search/costs.ts";
import { foldsFor } from "./search/folds.ts";
import { type Found, search, type Trial, trialText, zoomText } from "./search/search.ts";
import { clickSide, optionOf, type ZoomOption, zoomOptions } from "./search/zoom-options.ts";
import { type Looked, lookedAt } from "./thin.ts";

/** What a fine-tune does, once nothing is left to "auto". Plain JSON: a later attempt takes it from the row. */
export interface Chosen {
  readonly recipe: Recipe;
  readonly zoom: Zoom | null;
  readonly trials: readonly Trial[];
}

/** Five minutes on two cores. */
export const defaultBudget = 300;
/** The search gets so much of the budget; what it leaves goes to the training. */
const searchShare = 0.5;
/** And the training at least so much, whatever the evaluation will take. */
const trainingShare = 0.25;
const [fewestEpochs, mostEpochs] = [3, 60];

/**
 * Chooses recipe and zoom: by search, within the budget, or as they were asked for. A number of epochs that is asked for
 * is a recipe by hand, and nothing is searched; so it is with data that can't be halved.
 */
export async function choose(
  run: RunContext,
  project: Project,
  data: PreparedData,
  start: { weights: NamedTensors; iou: number },
): Promise<Chosen> {
  if (run.row.chosen) return asChosen(run.row.chosen as unknown as Chosen);
  const { asked } = data;
  const known = { trainSamples: data.train.length, startIou: start.iou };
  const folds = foldsFor(developmentSamples(data), ({ image }) => data.groupOf(image), run.row.seed);
  if (isByHand(asked) || !folds) {
    return { recipe: resolveRecipe(asked, known), zoom: askedZoom(asked, data.train), trials: [] };
  }
  const budget = budgetOf(asked);
  const options = searchedZooms(data, { budget, seed: run.row.seed });
  const purse = new Purse(budget * searchShare);
  const samples = folds.parts.flat();
  await run.job.append({
    message: `Searching for a recipe within ${budget} budget seconds: ${options.map(({ zoom }) => zoomText(zoom)).join("; ")}`,
    data: { budget_seconds: budget, zooms: options.map(asSent) },
  });
  // For the estimate of the end, as if the first recipe won and the search took all of its share.
  const likely = { arm: armsFor(asked)[0] as Arm, zoom: null, flips: [] };
  const left = budget * (1 - searchShare);
  const expected = finalRecipe(data, likely, { startIou: start.iou, seconds: left });
  run.meter.plan({ train: samplesInAll(expected) });
  const found = await search(
    {
      ...run.services,
      weights: start.weights,
      seed: run.row.seed,
      signal: run.signal,
      embeddingOf: run.embeddingsOf(project),
      embed: async (some, seen, tell) => embedParts(run, project, some, seen, tell),
      onProgress: async (done, total) => {
        run.meter.plan({ search: total });
        await run.progress("search", done);
      },
      onTrial: async (trial) => run.job.append(trialEvent(trial)),
      stopRequested: () => run.job.stopRequested,
    },
    { asked, options, folds, purse },
  );
  const spent = budget * searchShare - purse.left;
  const used = thinned(data, found.zoom, run.row.seed);
  const rest = budget - spent - evaluationCost(used, found.zoom, samples);
  const recipe = finalRecipe(used, found, {
    startIou: start.iou,
    seconds: Math.max(rest, budget * trainingShare),
  });
  const chosen: Chosen = { recipe, zoom: found.zoom, trials: found.trials };
  await run.job.setFacts({ chosen: { ...chosen } });
  await run.job.append({
    message: `Chosen: ${zoomText(found.zoom)}, ${nameOfArm(found.arm)}, at most ${recipe.epochs} epochs`,
    data: { zoom: found.zoom, epochs: recipe.epochs, trials: found.trials.length },
  });
  return chosen;
}

/**
 * The data that the last training and its judgement see, given what was chosen: where a closer look at all of it is more
 * than the budget encodes, some of it. A recipe by hand trains on all and is judged by all.
 */
export function thinned(
  data: PreparedData,
  zoom: Zoom | null,
  seed: number,
): PreparedData & Pick<Looked, "learnt"> {
  if (isByHand(data.asked)) return { ...data, learnt: data.train.length };
  const { train, selection, heldOut, learnt } = lookedAt(data, zoom, { budget: budgetOf(data.asked), seed });
  return { ...data, train, selection, heldOut, learnt };
}

const isByHand = (asked: Hyperparameters): boolean => asked.recipe === "tutorial" || isSet(asked.epochs);

const budgetOf = ({ budget_seconds: seconds }: Hyperparameters): number =>
  isSet(seconds) ? seconds : defaultBudget;

/** A row of a release that knew no flips says nothing of them. */
const asChosen = (kept: Chosen): Chosen => ({
  ...kept,
  recipe: { ...kept.recipe, flips: kept.recipe.flips ?? [] },
});

const isSet = <T>(value: T | "auto" | undefined): value is T => value !== undefined && value !== "auto";

/** All but what is held out; each once. */
const developmentSamples = ({ train, selection }: PreparedData): Sample[] => [
  ...new Set([...train, ...selection]),
];

function askedZoom(asked: Hyperparameters, samples: readonly Sample[]): Zoom | null {
  if (!isSet(asked.zoom) || asked.zoom === "none") return null;
  return { ...asked.zoom, click_side: clickSide(samples, asked.zoom.context) };
}

function searchedZooms(data: PreparedData, limits: { budget: number; seed: number }): ZoomOption[] {
  const { asked, train } = data;
  if (isSet(asked.zoom)) return [optionOf(train.slice(0, 24), askedZoom(asked, train))];
  return zoomOptions(train, (zoom) => lookedAt(data, zoom, limits).worthIt);
}

/** Budget seconds that scoring the version will take, its encodes and those of the last training counted. */
function evaluationCost(data: PreparedData, zoom: Zoom | null, searched: readonly Sample[]): number {
  const { train, selection, heldOut } = data;
  const looks = heldOut.reduce((sum, sample) => sum + regionNames(sample, zoom).length, 0);
  const kinds = Math.min(mostWithAllKinds, heldOut.length);
  const scoring = (heldOut.length + looks) * costs.score + kinds * costs.kinds + 2 * costs.engine;
  if (!zoom) return scoring;
  const namesOf = (some: readonly Sample[]) => some.flatMap((sample) => regionNames(sample, zoom));
  const known = new Set(namesOf(searched));
  const unseen = new Set(namesOf([...train, ...selection, ...heldOut]).filter((name) => !known.has(name)));
  const regions = looks / Math.max(1, heldOut.length);
  // A drawn box may fall into another window than the exact one, and a click always does.
  const encodes = unseen.size + kinds * (regions + 1 + (zoom.tiles > 1 ? regions : 0));
  return scoring + encodes * costs.encode;
}

/** The recipe of the last training: as many epochs as there is budget for. */
function finalRecipe(
  data: PreparedData,
  { arm, zoom, flips: found }: Pick<Found, "arm" | "zoom" | "flips">,
  { startIou, seconds }: { startIou: number; seconds: number },
): Recipe {
  const asked = { ...data.asked, loss: arm.loss, learning_rate: arm.learningRate };
  if (found.length > 0) asked.flips = "x";
  const seen = trainingParts(data.train, { zoom, nearby: data.nearby });
  const upright = seen.length;
  const { flips } = resolveRecipe(asked, { trainSamples: upright, startIou });
  const parts = upright * (1 + flips.length);
  // What a caller asked for is encoded now; what the search found has been.
  const encoding = found.length > 0 ? 0 : imagesOf(seen).size * flips.length * costs.encode;
  const looks = data.selection.reduce((sum, sample) => sum + regionNames(sample, zoom).length, 0);
  const { samplesPerEpoch, prompts } = resolveRecipe(asked, { trainSamples: parts, startIou });
  const perSample = prompts === "mixed" ? costs.trainMixed : costs.train;
  const perEpoch = samplesPerEpoch * perSample + looks * costs.score;
  const epochs = Math.max(fewestEpochs, Math.min(mostEpochs, Math.floor((seconds - encoding) / perEpoch)));
  return resolveRecipe({ ...asked, epochs }, { trainSamples: parts, startIou });
}

/**
 * Encodes what is encoded nowhere, so that training does not wait for it piece by piece.
 * @param tell hears which share is done; left out, encoding is a phase of its own
 */
export async function embedParts(
  run: RunContext,
  project: Project,
  samples: readonly Sample[],
  { zoom, flips }: { zoom: Zoom | null; flips: Recipe["flips"] },
  tell?: (share: number) => Promise<void>,
): Promise<void> {
  if (!zoom && flips.length === 0) return;
  const embeddingOf = run.embeddingsOf(project);
  const images = imagesOf(trainingParts(samples, { zoom, flips }));
  let done = 0;
  if (!tell) run.meter.plan({ embed: images.size });
  for (const image of images.values()) {
    run.signal.throwIfAborted();
    await embeddingOf(image);
    done++;
    await (tell ? tell(done / images.size) : run.progress("embed", done));
  }
}

const imagesOf = (samples: readonly Sample[]): Map<string, Sample["image"]> =>
  new Map(samples.map(({ image }) => [image.id, image]));

const trialEvent = (trial: Trial) => ({
  type: "metrics" as const,
  message: trialText(trial),
  data: {
    trial: trial.trial,
    rung: trial.rung,
    zoom: trial.zoom,
    loss: trial.arm.loss,
    learning_rate: trial.arm.learningRate,
    samples: trial.samples,
    mean_iou: trial.meanIou,
  },
});

const asSent = ({ zoom, ceiling, regions }: ZoomOption) => ({ zoom, ceiling_iou: ceiling, regions });
