import type { Zoom } from "../../domain/focus.ts";
import type { Hyperparameters } from "../../domain/hyperparameters.ts";
import type { Recipe } from "../loop/recipe.ts";
import { type Candidate, candidatesFor } from "./candidates.ts";
import { Budget, costs } from "./costs.ts";
import type { Folds } from "../data/folds.ts";
import type { LeftOut, OtherPlan, OtherTried } from "./other.ts";
import { batch, samplesOf, type Tried } from "./trials.ts";
import type { ZoomOption } from "./zoom-options.ts";

export interface SearchOptions {
  readonly asked: Hyperparameters;
  /** Mean IoU of the start; left out, it is taken for wrong. */
  readonly startIou?: number;
  /** Zooms to choose from, the cheapest first; at least one. */
  readonly options: readonly ZoomOption[];
  readonly folds: Folds;
  /** Budget seconds for all but what is left out. */
  readonly seconds: number;
  /** What is not to be taken, but to be told of; its seconds are its own. */
  readonly left?: LeftOut | null;
}

/** One thing that a search does. Units are training samples; encodes are as many as take their time. */
export type SearchStep = { readonly folds: Folds; readonly units: number } & (
  | { readonly embed: { readonly zoom: Zoom | null; readonly flips: Recipe["flips"] } }
  | { readonly embed?: undefined; readonly trial: Tried }
);

/** What a search takes in the end. */
export interface Choice {
  readonly candidate: Candidate;
  readonly zoom: Zoom | null;
  readonly flips: Recipe["flips"];
  /** How often the last training sees a sample at most, as a longer trial was no better; null for as often as it can. */
  readonly passes: number | null;
  /** Null where nothing was left out, or it could not be tried. */
  readonly other: OtherTried | null;
  /** Budget seconds that it took, those of what is left out not counted. */
  readonly spent: number;
}

/** A closer look costs an encode for every prompt; it has to bring so much mean IoU over the one before. */
export const zoomIsWorth = 0.01;
/** Flips cost an encode for every training sample. */
const flipsAreWorth = 0.005;
/** Turned samples cost nothing, but not all that is photographed lies any way round. */
const turnsAreWorth = 0.005;
/**
 * A training twice as long is worth its time if it brings so much. Few samples with uncertain masks are soon known by heart:
 * 26 satellite pictures came to .224, .242 and .214 on 14 others after 100, 200 and 600 samples, and of Dice alone half of
 * them to .258 and .266 after 120 and 240.
 */
const longerIsWorth = 0.01;
const [fewest, most] = [60, 120];
/** Recipes are tried beside the first while the budget lasts; trials are made so long that at least so many can be. */
const wantedRecipes = 2;
/** Training samples of each half in the trials of what is left out. */
export const samplesOfOther = fewest;

type Scored = Tried & { readonly meanIou: number };

/**
 * Successive halving over zooms and recipes (Jamieson and Talwalkar 2016) as a sequence of steps: first every zoom with
 * the first candidate, then the other candidates with the best zoom, then the two best with twice the samples, then the
 * best with its samples turned, then with flips, and last what is left out beside what is taken. A trial is answered by its mean IoU. The budget decides
 * how long trials are and which still run, by counts alone, so the same data and seed search the same way everywhere; and
 * answered by guesses it tells what is still to come.
 * @param plan how what is left out can be tried
 * @param stop true ends the search with the best so far
 */
export function* rungs(
  { asked, startIou, options, folds, seconds, left = null }: SearchOptions,
  plan: OtherPlan | null,
  stop: () => boolean,
): Generator<SearchStep, Choice, number> {
  const candidates = candidatesFor(asked, { startIou });
  const [first, ...rivals] = candidates as [Candidate, ...Candidate[]];
  // What has no rival needs no trial.
  if (candidates.length === 1 && options.length === 1) {
    const [{ zoom }] = options as readonly [ZoomOption];
    return { candidate: first, zoom, flips: [], passes: null, other: null, spent: 0 };
  }
  const budget = new Budget(seconds);
  const judged = folds.parts[0].length + folds.parts[1].length;
  const encoding = (regions: number): number => regions * judged * costs.encode;
  budget.spend(options.reduce((sum, option) => sum + (option.zoom ? encoding(option.regions) : 0), 0));
  const runs = options.length + Math.min(wantedRecipes, rivals.length);
  const each = 2 * (costs.engine + (judged / 2) * costs.score);
  const affordable = (budget.left - runs * each) / (runs * 2 * costs.train);
  const samples = Math.max(fewest, Math.min(most, Math.floor(affordable / batch) * batch));
  const costOf = (count: number): number => each + 2 * count * costs.train;
  const unitsOf = (encodes: number): number =>
    Math.round((encodes / costOf(samples)) * samplesOf(samples, folds));
  function* attempt(trial: Tried, on = folds): Generator<SearchStep, Scored, number> {
    const meanIou = yield { folds: on, units: samplesOf(trial.samples, on), trial };
    return { ...trial, meanIou };
  }
  function* paid(trial: Tried): Generator<SearchStep, Scored, number> {
    budget.spend(costOf(trial.samples));
    return yield* attempt(trial);
  }

  let best: Scored | undefined;
  for (const { zoom, regions } of options) {
    if (best && stop()) break;
    yield { folds, units: zoom ? unitsOf(encoding(regions)) : 0, embed: { zoom, flips: [] } };
    const scored = yield* paid({ rung: "zoom", candidate: first, zoom, samples });
    if (!best || scored.meanIou > best.meanIou + zoomIsWorth) best = scored;
  }
  if (!best) throw new Error("there was no zoom to try");
  const { zoom } = best;
  const encodes = encoding((options.find((option) => option.zoom === zoom) as ZoomOption).regions);

  let ranked = [best];
  // What was seen of Dice alone, of turns and of how long to train was seen on whole images alone (ADR 0033).
  const isWhole = zoom === null;
  const others = isWhole ? rivals : candidatesFor(asked, { zoomed: true }).slice(1);
  const turnsAsked = isWhole && (asked.turns === undefined || asked.turns === "auto");
  const finals = (turnsAsked ? 3 : 2) * costOf(2 * samples);
  for (const [i, candidate] of others.entries()) {
    if (stop() || budget.left < costOf(samples)) break;
    if (isWhole && i >= wantedRecipes && budget.left < costOf(samples) + finals) break;
    ranked.push(yield* paid({ rung: "recipe", candidate, zoom, samples }));
  }
  ranked = byIou(ranked);
  let passes: number | null = null;
  if (ranked.length > 2 && !stop() && budget.left >= 2 * costOf(2 * samples)) {
    const finalists: Scored[] = [];
    for (const { candidate } of ranked.slice(0, 2))
      finalists.push(yield* paid({ rung: "final", candidate, zoom, samples: 2 * samples }));
    const before = ranked;
    ranked = byIou(finalists);
    const [longer] = ranked as [Scored];
    const shorter = before.find(({ candidate }) => candidate === longer.candidate) as Scored;
    if (isWhole && longer.meanIou <= shorter.meanIou + longerIsWorth) passes = (2 * longer.samples) / judged;
  }

  // What is seen turned learns more slowly, and pays where a long training would know its samples by heart.
  if (turnsAsked && !stop() && budget.left >= costOf((ranked[0] as Scored).samples)) {
    const [upright] = ranked as [Scored];
    const candidate = { ...upright.candidate, turns: true };
    const scored = yield* paid({ rung: "final", candidate, zoom, samples: upright.samples });
    if (scored.meanIou > upright.meanIou + turnsAreWorth) ranked = [scored];
  }

  const winner = ranked[0] as Scored;
  const { candidate } = winner;
  let flips: Recipe["flips"] = [];
  const flipsAsked = asked.flips === undefined || asked.flips === "auto";
  if (flipsAsked && !stop() && budget.left >= encodes + costOf(winner.samples)) {
    budget.spend(encodes);
    const mirrored: Recipe["flips"] = ["x"];
    yield { folds, units: unitsOf(encodes), embed: { zoom, flips: mirrored } };
    const trial = { rung: "flips", candidate, zoom, flips: mirrored, samples: winner.samples } as const;
    const scored = yield* paid(trial);
    if (scored.meanIou > winner.meanIou + flipsAreWorth) flips = mirrored;
  }

  let other: OtherTried | null = null;
  if (left && plan && !stop()) {
    const tried = { rung: "other", candidate, samples: samplesOfOther } as const;
    const own = yield* attempt({ ...tried, zoom }, plan.folds);
    const its = left.option.zoom;
    yield { folds: plan.folds, units: unitsOf(plan.encodes), embed: { zoom: its, flips: [] } };
    const { meanIou } = yield* attempt({ ...tried, zoom: its }, plan.folds);
    const count = plan.folds.parts.flat().length;
    other = { zoom: its, meanIou, ownMeanIou: own.meanIou, samples: count, seconds: plan.seconds };
  }
  return { candidate, zoom, flips, passes, other, spent: seconds - budget.left };
}

const byIou = (scored: readonly Scored[]): Scored[] => scored.toSorted((a, b) => b.meanIou - a.meanIou);

/**
 * The units of every step of a search that nobody stops, in their order: those of which the trials' answers are known,
 * and those to come, as if none of these did better than what there is.
 */
export function forecast(given: SearchOptions, plan: OtherPlan | null, known: readonly number[]): number[] {
  const steps = rungs(given, plan, () => false);
  const units: number[] = [];
  let answered = 0;
  for (let next = steps.next(); !next.done;) {
    units.push(next.value.units);
    next = steps.next(next.value.embed ? 0 : (known[answered++] ?? 0));
  }
  return units;
}
