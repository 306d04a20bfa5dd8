import { sourceOf } from "../data/snapshot.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import type { OtherFocus } from "../../domain/serving.ts";
import { quickPixels, type Refining } from "../../imaging/focus-cost.ts";
import { type Focus, type Refine, type Zoom, plainFocus } from "../../domain/focus.ts";
import type { Chosen } from "../search/choose.ts";
import { engineSpecOf } from "../engine/engine-options.ts";
import { chooseRefine } from "./choose-refine.ts";
import type { TrainingResult } from "../loop/loop.ts";
import { chooseHead, gainOf, type HeadChoice, type HeadScores } from "../points/choose-head.ts";
import { headSamples } from "../points/head-samples.ts";
import type { PreparedData } from "../data/prepare.ts";
import type { Run } from "../run.ts";
import { type Sample, someOf } from "../data/samples.ts";
import { countedCosts, isInteractive } from "../search/serving.ts";
import { type WindowLogits, windowLogits } from "../evaluation/scores.ts";

/** Filters are judged by so many samples; where fewer choose, some that trained help them. */
const [fewest, most] = [16, 40];

/** What is registered in the end: weights and how they look at images. */
export interface Settled {
  readonly weights: NamedTensors;
  readonly focus: Focus;
  /** How the other serving would sharpen its masks; null where that is the same. */
  readonly otherRefine: OtherFocus | null;
}

/**
 * Decides how the trained weights' masks are sharpened, and takes back the whole training where, all in all, the start
 * as plain SAM does better on what chooses: no project is made worse.
 */
export async function settleFocus(
  run: Run,
  { data, chosen, result }: { data: PreparedData; chosen: Chosen; result: TrainingResult },
  start: { weights: NamedTensors; iou: number },
): Promise<Settled> {
  const { zoom } = chosen;
  const { asked } = data;
  const fixed = asked.refine ?? "auto";
  const byHand = fixed !== "auto" && fixed !== "points";
  if (byHand || asked.recipe === "tutorial") {
    const refine = byHand && fixed !== "none" ? fixed : null;
    return { weights: result.weights, focus: { zoom, refine }, otherRefine: null };
  }
  const choice = await refineFor(run, { data, weights: result.weights, chosen });
  const best = result.curve[result.bestEpoch]?.selectionIou ?? 0;
  if ((zoom || choice.refine) && fixed === "auto" && best + choice.gain <= start.iou) {
    await run.tell({
      level: "warn",
      message: "Nothing did better than the start as it was; it is kept",
      data: { start_iou: start.iou },
    });
    return { weights: start.weights, focus: plainFocus, otherRefine: null };
  }
  return { weights: result.weights, focus: { zoom, refine: choice.refine }, otherRefine: choice.other };
}

/** How masks are sharpened, and what mean IoU it brought; none, and 0, where nothing brought enough. */
interface RefineChosen {
  readonly refine: Refine | null;
  readonly gain: number;
  readonly other: OtherFocus | null;
}

/** A point head where one pays or was asked for, else the filter that suits the answers best, if any does. */
async function refineFor(
  run: Run,
  { data, weights, chosen }: { data: PreparedData; weights: NamedTensors; chosen: Chosen },
): Promise<RefineChosen> {
  const { signal, services, seed } = run;
  const groupOf = ({ image }: Sample): string => data.groupOf(image);
  const [judges, heads] = [refineJudges(data, seed), headSamples(data, chosen.zoom)];
  const answers = await answersFor(run, {
    weights,
    chosen,
    samples: [...new Set([...heads, ...judges])],
  });
  const pixelsOf = (image: Sample["image"]) => services.inference.pixels(sourceOf(services.store, image));
  const of = (samples: readonly Sample[]) => answers.filter(({ sample }) => samples.includes(sample));

  const mostPixels = chosen.serving === "interactive" ? quickPixels : undefined;
  const trained = new Set(data.nearby);
  const isFresh = (sample: Sample): boolean => !trained.has(sample);
  const head = await chooseHead(of(heads), { pixelsOf, groupOf, isFresh, mostPixels, seed, signal });
  const pays = head.refine !== null && (head.worthIt || data.asked.refine === "points");
  const isQuick = (refine: Refining): boolean =>
    isInteractive(countedCosts(data.train, chosen.zoom, refine)) ||
    !isInteractive(countedCosts(data.train, chosen.zoom, null));
  const used = pays && (chosen.serving === "best" || data.asked.refine === "points" || isQuick("points"));
  const other = pays && !isQuick("points") ? otherHead(chosen.zoom, head, used) : null;
  await run.tell(headEvent(head, used, pays));
  if (used) return { refine: head.refine, gain: head.fresh ? gainOf(head.fresh) : 0, other };
  const filter = await chooseRefine(of(judges), pixelsOf, { signal, mostPixels });
  if (filter.refine && chosen.serving === "interactive" && !isQuick(filter.refine)) {
    await run.tell({
      message: `A filter along the image's edges would bring mean IoU ${filter.plainIou.toFixed(3)} to ${filter.iou.toFixed(3)}, but is too slow for serving interactive`,
      data: { plain_iou: filter.plainIou, refined_iou: filter.iou },
    });
    return { refine: null, gain: 0, other };
  }
  if (filter.refine) {
    await run.tell({
      message:
        `Masks are sharpened along the image's edges (radius ${filter.refine.radius}): ` +
        `mean IoU ${filter.plainIou.toFixed(3)} becomes ${filter.iou.toFixed(3)} on ${judges.length} samples`,
      data: { refine: filter.refine, plain_iou: filter.plainIou, refined_iou: filter.iou },
    });
  }
  return { refine: filter.refine, gain: filter.iou - filter.plainIou, other };
}

/** The version without the head that it has, or with the one that it gives up. */
function otherHead(zoom: Zoom | null, { fresh }: HeadChoice, used: boolean): OtherFocus {
  const [plain, refined] = [fresh?.plainIou ?? null, fresh?.iou ?? null];
  return {
    zoom,
    refinedBy: used ? null : "points",
    meanIou: used ? plain : refined,
    ownMeanIou: used ? refined : plain,
    samples: fresh?.samples ?? 0,
  };
}

function headEvent({ all, fresh }: HeadChoice, used: boolean, pays: boolean) {
  const scores = ({ plainIou, iou, samples }: HeadScores): string =>
    `${plainIou.toFixed(3)} became ${iou.toFixed(3)} on ${samples} samples`;
  const unseen = fresh === all ? null : fresh;
  const judged = unseen ? `${scores(unseen)} that did not train the decoder, ` : "";
  const told = all
    ? `: mean IoU ${judged}${scores(all)} in all, each judged by a head that had not seen its group`
    : "; nothing could judge it";
  return {
    message: `A point head, which judges pixels by their own colours, ${used ? "sharpens masks" : pays ? "is too slow for serving interactive" : "does not pay"}${told}`,
    data: {
      point_head: used,
      ...(all && { plain_iou: all.plainIou, refined_iou: all.iou, samples: all.samples }),
      ...(unseen && {
        fresh_plain_iou: unseen.plainIou,
        fresh_refined_iou: unseen.iou,
        fresh_samples: unseen.samples,
      }),
    },
  };
}

function refineJudges({ selection, train }: PreparedData, seed: number): Sample[] {
  const some = someOf(selection, most, seed);
  if (some.length >= fewest) return some;
  const others = train.filter((sample) => !some.includes(sample));
  return [...some, ...someOf(others, fewest - some.length, seed)];
}

/** Answers of the trained weights to exact boxes, from an engine that holds just them. */
export async function answersFor(
  run: Run,
  { weights, chosen, samples }: { weights: NamedTensors; chosen: Chosen; samples: readonly Sample[] },
): Promise<WindowLogits[]> {
  const { services, signal } = run;
  const { batchSize } = chosen.recipe;
  const engine = await services.createEngine(engineSpecOf(chosen.recipe, weights), {
    engine: services.engine,
  });
  const answers: WindowLogits[] = [];
  try {
    const options = { embeddingOf: run.embeddingOf, batchSize, signal, zoom: chosen.zoom };
    for await (const answer of windowLogits(engine, samples, options)) answers.push(answer);
  } finally {
    await engine.dispose();
  }
  return answers;
}
