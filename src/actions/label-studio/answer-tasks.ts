import { labelsMeant } from "../../domain/label-names.ts";
import { AppError } from "../../lib/errors.ts";
import type { Reservation } from "../../lib/memory-budget.ts";
import { resolveVersions, type VersionName } from "../asked-versions.ts";
import type { ActionContext, Ask } from "../context.ts";
import type { AnsweredMask } from "../find-objects.ts";
import { predict, type AskedPrediction } from "../predict.ts";
import { prewarm } from "../prewarm.ts";
import { type Control, controlFor, type LabellingConfig } from "./labelling-config.ts";
import { modelVersion } from "./model-version.ts";
import { formatFor, polygonTolerance, type Region, regionOf } from "./regions.ts";
import { type SmartRegion, smartPrompt } from "./smart-prompt.ts";
import { imageOfTask } from "./task-image.ts";

/** Tasks of one call that are all answered; of more the first alone, and then Label Studio asks for one at a time. */
export const mostTasks = 16;
const mostObjects = 100;
const regionsParam = "params.context.result";

export interface AskedTasks {
  readonly tasks: readonly { readonly data: Readonly<Record<string, unknown>> }[];
  readonly config: LabellingConfig;
  readonly version: VersionName;
  /** What a person has drawn on the first task's image; null where objects are to be found. */
  readonly regions: readonly SmartRegion[] | null;
  /** Bytes of the request, where it told them. */
  readonly requestBytes: number | null;
}

/** A task's prediction, or why there is none. */
export type TaskAnswer = TaskPrediction | { readonly error: AppError };

export interface TaskPrediction {
  readonly regions: readonly Region[];
  readonly modelVersion: string;
  /** Mean of its regions' scores; 0 without any. */
  readonly score: number;
}

export interface AnsweredTasks {
  readonly answers: readonly TaskAnswer[];
  /** Memory of the answers: to be released once they are sent. */
  readonly held: Pick<Reservation, "release">;
  /** Closes the entries in the log of predictions. `answerBytes`: of all of it as it is sent. */
  finish(answerBytes: number): Promise<void>;
}

/**
 * Regions for a task's image: the object that was just prompted, or all that the version finds by itself, as far as the
 * labelling interface has their labels. Nothing where there is neither a prompt nor a finder. What is wrong with a task
 * among several is told in its place.
 * Throws what imageOfTask, smartPrompt, resolveVersions and predict throw, with a prompt or for all tasks alike.
 */
export async function answerTasks(
  context: ActionContext,
  ask: Ask,
  asked: AskedTasks,
): Promise<AnsweredTasks> {
  const [version] = await resolveVersions(context, ask.scope, ask.project, asked.version);
  const made: Made[] = [];
  const held = { release: (): void => made.forEach((one) => one.held.release()) };
  const finish = async (bytes: number): Promise<void> => {
    for (const one of made) await one.finish(Math.round(bytes / made.length));
  };
  try {
    const answers: TaskAnswer[] = [];
    if (asked.regions) answers.push(await keep(answerPrompt(context, ask, asked, asked.regions)));
    else if (version && "finder" in version && version.finder) {
      for (const i of asked.tasks.slice(0, asked.tasks.length > mostTasks ? 1 : mostTasks).keys())
        answers.push(await keep(findOnTask(context, ask, asked, i)).catch(asAnswer));
    }
    return { answers, held, finish };
  } catch (error) {
    held.release();
    throw error;
  }

  async function keep(making: Promise<Made>): Promise<TaskAnswer> {
    const one = await making;
    made.push(one);
    return one.answer;
  }
}

/** What is wrong with one task; whatever ends the whole call is thrown on. */
function asAnswer(error: unknown): TaskAnswer {
  if (error instanceof AppError && error.status < 500) return { error };
  throw error;
}

/** Prepares the image of the first task for the next prompt. Throws what imageOfTask and prewarm throw. */
export async function prewarmTask(context: ActionContext, ask: Ask, asked: AskedTasks): Promise<Control> {
  const [control] = asked.config;
  const image = await imageOf(context, ask, asked, 0);
  await prewarm(context, ask, { image: { id: image.id }, version: asked.version });
  return control;
}

const imageOf = async (
  { db }: ActionContext,
  { scope }: Ask,
  { tasks, config: [control] }: AskedTasks,
  i: number,
) => {
  const param = `tasks[${i}].data`;
  return imageOfTask(db, scope, tasks[i]?.data ?? {}, { key: control.imageKey, param });
};

interface Made {
  readonly answer: TaskPrediction;
  readonly held: Reservation;
  readonly finish: (bytes: number) => Promise<void>;
}

async function answerPrompt(
  context: ActionContext,
  ask: Ask,
  asked: AskedTasks,
  regions: readonly SmartRegion[],
): Promise<Made> {
  const image = await imageOf(context, ask, asked, 0);
  const { workspaceId } = ask.scope;
  const { height, width } = image;
  const options = { size: [height, width] as const, workspaceId, param: regionsParam };
  const { prompt, label: given } = await smartPrompt(context, regions, options);
  const [only, ...others] = asked.config[0].labels ?? [];
  const label = given ?? (others.length === 0 ? (only ?? null) : null);
  const control = controlFor(asked.config, label);
  const asking = { image: { id: image.id }, prompts: [prompt], find: false };
  return predictFor(context, ask, asked, { asking, control, labelOf: () => label }).catch(inRequest);
}

/** What predict calls `prompts[0]` is all that was drawn. */
function inRequest(error: unknown): never {
  if (error instanceof AppError && error.param?.startsWith("prompts")) throw error.at(regionsParam);
  throw error;
}

async function findOnTask(context: ActionContext, ask: Ask, asked: AskedTasks, i: number): Promise<Made> {
  const image = await imageOf(context, ask, asked, i);
  const [control] = asked.config;
  const { labels } = control;
  const asking = { image: { id: image.id }, prompts: [], find: true };
  return predictFor(context, ask, asked, {
    asking,
    control,
    labelOf: ({ label = null }) => {
      if (labels === null) return label ?? undefined;
      if (label === null) return labels.length === 1 ? labels[0] : undefined;
      return labelsMeant(label, labels)[0];
    },
  });
}

interface Wish {
  readonly asking: Pick<AskedPrediction, "image" | "prompts" | "find">;
  readonly control: Control;
  /** Undefined for a mask whose label the interface does not have. */
  readonly labelOf: (mask: AnsweredMask) => string | null | undefined;
}

async function predictFor(
  context: ActionContext,
  ask: Ask,
  { version, requestBytes, tasks }: AskedTasks,
  { asking, control, labelOf }: Wish,
): Promise<Made> {
  const predicted = await predict(context, ask, {
    ...asking,
    labels: false,
    findThreshold: undefined,
    maxObjects: mostObjects,
    version,
    multimask: false,
    format: formatFor(control),
    polygonTolerance,
    requestBytes: requestBytes === null ? null : Math.round(requestBytes / tasks.length),
  });
  try {
    const { result, held } = predicted;
    const { width, height } = result;
    const [own] = result.results;
    const answers = [...(own?.predictions ?? []), ...(own?.found ? [own.found] : [])];
    const regions: Region[] = [];
    for (const mask of answers.flatMap(({ masks }) => masks)) {
      const label = labelOf(mask);
      const region =
        label === undefined ? null : await regionOf(context, mask, { control, label, width, height });
      if (region) regions.push(region);
    }
    const score = regions.reduce((sum, region) => sum + region.score, 0) / Math.max(1, regions.length);
    return {
      answer: { regions, modelVersion: modelVersion(own?.version ?? 0), score },
      held,
      finish: (bytes) => predicted.finish(bytes),
    };
  } catch (error) {
    predicted.held.release();
    throw error;
  }
}
