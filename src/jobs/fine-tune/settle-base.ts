import type { fineTunes } from "../../db/schema/index.ts";
import { settleBaseChoice } from "../../db/queries/base-choices.ts";
import type { Project } from "../../db/queries/projects.ts";
import type { BaseChoice } from "../../domain/base-choice.ts";
import { planBases } from "../../training/bases/plan-bases.ts";
import { tryBases } from "../../training/bases/try-bases.ts";
import { type AnnotatedRow, sourceOf } from "../../training/data/snapshot.ts";
import { type PreparedData, prepareData } from "../../training/data/prepare.ts";
import { budgetOf } from "../../training/search/choose.ts";
import type { TrainerServices } from "../services.ts";
import { whyLost } from "../held.ts";
import type { HeldFineTune } from "./held.ts";

type FineTuneRow = typeof fineTunes.$inferSelect;

/** What a fine-tune has in hand before its base is known. */
export interface BeforeBase {
  readonly row: FineTuneRow;
  readonly project: Project;
  readonly job: HeldFineTune;
  readonly annotated: () => Promise<readonly AnnotatedRow[]>;
  readonly signal: AbortSignal;
}

/**
 * The project with the base model that it keeps: where the choice is open, bases are tried on its data, which are not
 * frozen yet, for their snapshot names the base. Throws LeaseLost, the signal's reason, what prepareData throws.
 * @param plan how long they are tried
 */
export async function settleBase(
  services: TrainerServices,
  { row, project, job, annotated, signal }: BeforeBase,
  plan = planBases,
): Promise<Project> {
  if (project.baseChoice?.fineTuneId !== null) return project;
  const { store, inference, db } = services;
  const { hyperparameters, seed, workspaceId, projectId } = row;
  const data = await prepareData(store, project, { hyperparameters, seed, annotated, draft: true });
  const bases = await inference.baseModels();
  const { best, ...found } =
    bases.length < 2
      ? { best: project.baseModel, tried: [], notTried: [], annotations: 0, seconds: 0 }
      : await tryBases(
          {
            createEngine: services.createEngine,
            engine: services.engine,
            seed,
            signal,
            embeddingsBy: (base) => async (image) => {
              const options = { workspaceId, baseModel: base.name, signal };
              return (await inference.embed(sourceOf(store, image), options)).embedding.data;
            },
            onStep: async (name) => job.note(`trying base model ${name}`),
            tell: async (event) => job.append(event),
          },
          bases,
          plan(data, bases.length, seed),
          data.asked,
        );
  if (bases.length < 2)
    await job.append({ message: `The installation has but one base model, ${best}: nothing to choose from` });
  const scope = { workspaceId, projectId };
  const settled = await settleBaseChoice(
    db,
    { scope, lease: job.lease },
    { baseModel: best, baseChoice: { ...found, fineTuneId: row.id } },
  );
  if (!settled) throw await whyLost(db, job.leases, job.lease.id);
  return settled;
}

/** What a fine-tune found when it chose its project's base; null where another did, or nobody. */
export const choiceOf = ({ baseChoice }: Project, { id }: Pick<FineTuneRow, "id">): BaseChoice | null =>
  baseChoice?.fineTuneId === id ? baseChoice : null;

/** The data, with what the choice has taken off the budget; at least half of it is left. */
export function afterBaseChoice(data: PreparedData, choice: BaseChoice | null): PreparedData {
  if (!choice) return data;
  const budget = budgetOf(data.asked);
  const left = Math.max(budget / 2, budget - choice.seconds);
  return { ...data, asked: { ...data.asked, budget_seconds: left } };
}
