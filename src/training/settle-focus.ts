import type { NamedTensors } from "../checkpoint/named-tensors.ts";
import type { Project } from "../db/queries/projects.ts";
import type { Focus } from "../lib/focus.ts";
import { plainFocus } from "../lib/focus.ts";
import type { Chosen } from "./choose.ts";
import { engineSpecOf } from "./engine-options.ts";
import { chooseRefine, type RefineChoice } from "./focus/choose-refine.ts";
import type { TrainingResult } from "./loop.ts";
import type { PreparedData } from "./prepare.ts";
import type { RunContext } from "./run-context.ts";
import { type Sample, someOf } from "./samples.ts";
import { type WindowLogits, windowLogits } from "./scores.ts";

/** Where fewer choose, samples that trained help them. */
const fewest = 16;
const most = 40;

/** What is registered in the end: weights and how they look at images. */
export interface Settled {
  readonly weights: NamedTensors;
  readonly focus: Focus;
}

/**
 * Decides how the trained weights' masks are sharpened, and takes back the whole training where, all in all, the start
 * as plain SAM does better on what chooses: no project is made worse.
 */
export async function settleFocus(
  run: RunContext,
  project: Project,
  { data, chosen, result }: { data: PreparedData; chosen: Chosen; result: TrainingResult },
  start: { weights: NamedTensors; iou: number },
): Promise<Settled> {
  const { zoom } = chosen;
  const { asked } = data;
  const judges = refineJudges(data, run.row.seed);
  const fixed = asked.refine !== undefined && asked.refine !== "auto" ? asked.refine : undefined;
  if (fixed !== undefined || asked.recipe === "tutorial") {
    return { weights: result.weights, focus: { zoom, refine: fixed === "none" ? null : (fixed ?? null) } };
  }
  const choice = await refineFor(run, project, { weights: result.weights, chosen, judges });
  if (choice.refine) {
    await run.job.append({
      message:
        `Masks are sharpened along the image's edges (radius ${choice.refine.radius}): ` +
        `mean IoU ${choice.plainIou.toFixed(3)} becomes ${choice.iou.toFixed(3)} on ${judges.length} samples`,
      data: { refine: choice.refine, plain_iou: choice.plainIou, refined_iou: choice.iou },
    });
  }
  const best = result.curve[result.bestEpoch]?.selectionIou ?? 0;
  if (zoom && best + choice.iou - choice.plainIou <= start.iou) {
    await run.job.append({
      level: "warn",
      message: "Nothing did better than the start as it was; it is kept",
      data: { start_iou: start.iou },
    });
    return { weights: start.weights, focus: plainFocus };
  }
  return { weights: result.weights, focus: { zoom, refine: choice.refine } };
}

function refineJudges({ selection, train }: PreparedData, seed: number): Sample[] {
  const some = someOf(selection, most, seed);
  if (some.length >= fewest) return some;
  const others = train.filter((sample) => !some.includes(sample));
  return [...some, ...someOf(others, fewest - some.length, seed)];
}

/** Answers of the trained weights, from an engine that holds just them, and the filter that suits these best. */
async function refineFor(
  run: RunContext,
  project: Project,
  { weights, chosen, judges }: { weights: NamedTensors; chosen: Chosen; judges: readonly Sample[] },
): Promise<RefineChoice> {
  const { services, signal } = run;
  const { batchSize } = chosen.recipe;
  const engine = await services.createEngine(engineSpecOf(chosen.recipe, weights), {
    engine: services.engine,
  });
  const answers: WindowLogits[] = [];
  try {
    const options = { embeddingOf: run.embeddingsOf(project), batchSize, signal, zoom: chosen.zoom };
    for await (const answer of windowLogits(engine, judges, options)) answers.push(answer);
  } finally {
    await engine.dispose();
  }
  const { inference, store } = services;
  const pixelsOf = (image: Sample["image"]) =>
    inference.pixels({ sha256: image.sha256, bytes: async () => store.get(image.object_key) });
  return chooseRefine(answers, pixelsOf, signal);
}
