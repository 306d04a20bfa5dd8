import { mostWithAllKinds } from "../../domain/evaluation.ts";
import type { Zoom } from "../../domain/focus.ts";
import { imagesOf } from "../data/embed-parts.ts";
import { coldAsked } from "../evaluation/latency.ts";
import { regionNames, trainingParts } from "../focus/parts.ts";
import type { PreparedData } from "../data/prepare.ts";
import { type Recipe, resolveRecipe } from "../loop/recipe.ts";
import type { Sample } from "../data/samples.ts";
import { costs } from "./costs.ts";
import type { Found } from "./search.ts";

const [fewestEpochs, mostEpochs] = [3, 60];
/** Samples that an epoch has at least where so many train, however small the budget. */
const shortestEpoch = 40;

/** Budget seconds that scoring the version will take, its encodes and those of the last training counted. */
export function evaluationCost(data: PreparedData, zoom: Zoom | null, searched: readonly Sample[]): number {
  const { train, selection, heldOut } = data;
  const looks = heldOut.reduce((sum, sample) => sum + regionNames(sample, zoom).length, 0);
  const kinds = Math.min(mostWithAllKinds, heldOut.length);
  const scoring =
    (heldOut.length + looks) * costs.score + kinds * costs.kinds + costs.latency + 2 * costs.engine;
  if (!zoom) return scoring;
  const namesOf = (some: readonly Sample[]) => some.flatMap((sample) => regionNames(sample, zoom));
  const known = new Set(namesOf(searched));
  const unseen = new Set(namesOf([...train, ...selection, ...heldOut]).filter((name) => !known.has(name)));
  const regions = looks / Math.max(1, heldOut.length);
  // A drawn box may fall into another window than the exact one, and a click always does.
  const click = 1 + (zoom.tiles > 1 ? regions : 0);
  // What is timed cold is a copy of its image, which is encoded as well.
  const encodes = unseen.size + kinds * (regions + click) + coldAsked * (regions + click + 2);
  return scoring + encodes * costs.encode;
}

/**
 * The recipe of the last training: as many epochs as there is budget for, and the search found to be worth it. Where the
 * budget is too small for the fewest epochs of a large set, each shows fewer samples.
 */
export function finalRecipe(
  data: PreparedData,
  { candidate, zoom, flips: found, passes }: Pick<Found, "candidate" | "zoom" | "flips" | "passes">,
  { startIou, seconds }: { startIou: number; seconds: number },
): Recipe {
  const asked = { ...data.asked, loss: candidate.loss, learning_rate: candidate.learningRate };
  if (candidate.turns) asked.turns = "all";
  if (found.length > 0) asked.flips = "x";
  const seen = trainingParts(data.train, { zoom, nearby: data.nearby });
  const upright = seen.length;
  const { flips } = resolveRecipe(asked, { trainSamples: upright, startIou });
  const parts = upright * (1 + flips.length);
  // What a caller asked for is encoded now; what the search found has been.
  const encoding = found.length > 0 ? 0 : imagesOf(seen).size * flips.length * costs.encode;
  const looks = data.selection.reduce((sum, sample) => sum + regionNames(sample, zoom).length, 0);
  const full = resolveRecipe(asked, { trainSamples: parts, startIou });
  const perSample = full.prompts === "mixed" ? costs.trainMixed : costs.train;
  const scoring = looks * costs.score;
  const within = Math.floor(((seconds - encoding) / fewestEpochs - scoring) / perSample);
  const longest = Math.max(shortestEpoch, within);
  const perEpoch = Math.min(full.samplesPerEpoch, longest) * perSample + scoring;
  const affordable = Math.floor((seconds - encoding) / perEpoch);
  const worthIt = passes === null ? mostEpochs : Math.ceil((passes * data.train.length) / upright);
  const epochs = Math.max(fewestEpochs, Math.min(mostEpochs, affordable, worthIt));
  // The budget is there for all of them, and the cosine's last steps, which are the best, come at their end.
  const patience = asked.patience === undefined || asked.patience === "auto" ? epochs : asked.patience;
  return resolveRecipe({ ...asked, epochs, patience }, { trainSamples: parts, startIou, longest });
}
