import type { BaseModel } from "../../checkpoint/base-models.ts";
import { type BaseChoice, bestBase, type TriedBase, worthOf } from "../../domain/base-choice.ts";
import type { NewEvent } from "../../domain/fine-tune.ts";
import type { Hyperparameters } from "../../domain/hyperparameters.ts";
import type { ModelFamily } from "../../domain/model-family.ts";
import type { EmbeddingOf, Sample } from "../data/samples.ts";
import { meanOf } from "../evaluation/score.ts";
import type { Recipe } from "../loop/recipe.ts";
import { candidatesFor } from "../search/candidates.ts";
import { runTrial, type TrialDeps } from "../search/trial.ts";
import { trialRecipe } from "../search/trials.ts";
import type { BasesPlan } from "./plan-bases.ts";

export interface TryBasesDeps extends Omit<TrialDeps, "weights" | "embeddingOf" | "onSamples"> {
  /** Embeddings by one of the bases. */
  readonly embeddingsBy: (base: BaseModel) => EmbeddingOf;
  /** Called with the name of a base before it is tried, and after each step of it. */
  readonly onStep: (name: string) => Promise<void>;
  readonly tell: (event: NewEvent) => Promise<void>;
}

/** What was found out, and the base to take. */
export interface TriedBases extends Omit<BaseChoice, "fineTuneId"> {
  readonly best: string;
}

/**
 * Scores bases on the same annotations, as they are and after short trainings where these are planned, and says which to
 * take; see bestBase. Each image is seen whole: windows help all bases alike.
 * @param bases smallest encoder first, two at least
 */
export async function tryBases(
  deps: TryBasesDeps,
  bases: readonly BaseModel[],
  plan: BasesPlan,
  asked: Hyperparameters,
): Promise<TriedBases> {
  const [some, rest] = [bases.slice(0, plan.bases), bases.slice(plan.bases)];
  const notTried = rest.map(({ name }) => name);
  await deps.tell({
    message:
      `Trying base models on ${plan.judges.length} annotations that are not held out: ` +
      some.map(({ name }) => name).join(", ") +
      (rest.length > 0 ? `; the budget has no room for ${notTried.join(", ")}` : ""),
    data: { base_models: some.map(({ name }) => name), not_tried: notTried },
  });
  const tried: TriedBase[] = [];
  for (const base of some) {
    await deps.onStep(base.name);
    const one = await tryBase(deps, base, plan, asked);
    tried.push(one);
    await deps.tell(triedEvent(one));
  }
  const best = bestBase(tried);
  await deps.tell({
    message: `Chosen: base model ${best.baseModel}, which the project keeps; ${tried
      .filter((one) => one !== best)
      .map((one) => `${one.baseModel} came to ${worthOf(one).toFixed(3)}`)
      .join(", ")}`,
    data: { base_model: best.baseModel },
  });
  const { seconds } = plan;
  return { best: best.baseModel, tried, notTried, annotations: plan.judges.length, seconds };
}

/** Each half judges what the other has trained. */
const halves = [
  [0, 1],
  [1, 0],
] as const;
const zoom = null;

async function tryBase(
  { embeddingsBy, onStep, ...deps }: TryBasesDeps,
  base: BaseModel,
  { judges, folds, samples }: BasesPlan,
  asked: Hyperparameters,
): Promise<TriedBase> {
  const [candidate] = candidatesFor(asked);
  if (!candidate) throw new Error("there is no recipe to try");
  const recipeFor = (trainSamples: number): Recipe => trialRecipe(asked, candidate, trainSamples);
  const own: TrialDeps = {
    ...deps,
    weights: await base.decoderWeights(),
    embeddingOf: embeddingsBy(base),
    onSamples: async () => onStep(base.name),
  };
  const by = (some: readonly Sample[]): Sample[] => some.map((sample) => seenBy(sample, base.family));
  if (!folds) {
    const judge = by(judges);
    const recipe = recipeFor(judge.length);
    const { ious } = await runTrial(own, { recipe, zoom, train: judge, nearby: judge, judge, samples: 0 });
    return { baseModel: base.name, meanIou: meanOf(ious), tunedMeanIou: null };
  }
  const [before, after]: [number[], number[]] = [[], []];
  for (const [half, other] of halves) {
    const [train, judge, nearby] = [by(folds.parts[half]), by(folds.parts[other]), by(folds.halves[half])];
    const recipe = recipeFor(train.length);
    const trial = { recipe, zoom, train, nearby, judge, samples, alsoBefore: true };
    const scored = await runTrial(own, trial);
    before.push(...scored.before);
    after.push(...scored.ious);
  }
  return { baseModel: base.name, meanIou: meanOf(before), tunedMeanIou: meanOf(after) };
}

/** The sample as a base of a family sees it: its image fills the frame as that family's do. */
const seenBy = ({ annotation, image }: Sample, family: ModelFamily): Sample => ({
  annotation,
  image: { ...image, family },
});

const triedEvent = ({ baseModel, meanIou, tunedMeanIou }: TriedBase): NewEvent => ({
  type: "metrics",
  message:
    `Base model ${baseModel}: mean IoU ${meanIou.toFixed(3)} as it is` +
    (tunedMeanIou === null ? "" : `, ${tunedMeanIou.toFixed(3)} after a short training`),
  data: { base_model: baseModel, mean_iou: meanIou, tuned_mean_iou: tunedMeanIou },
});
