import { withText } from "../imaging/logits-source.ts";
import { maskTextLength } from "../imaging/mask-text.ts";
import type { Box, RgbImage, Size } from "../imaging/types.ts";
import { firstStep, inTwoSteps } from "../imaging/views.ts";
import { now } from "../lib/clock.ts";
import { AppError } from "../lib/errors.ts";
import { type Focus, plainFocus } from "../domain/focus.ts";
import { type DecoderGraph, graphFor, mostTokens } from "../graphs/files.ts";
import { type Times, toTimingMs } from "./timing.ts";
import { inGroups, inLanes } from "./turns/lanes.ts";
import { lazyLogits } from "./decoder/low-res.ts";
import type { PackedWeights } from "./decoder/packed-weights.ts";
import { type PlannedPrompt, planPrompt } from "./plan.ts";
import { isNear } from "./decoder/near-tokens.ts";
import { promptsPerTask } from "./decoder/together.ts";
import type { Embedded, PredictedMask, PredictRequest, PredictResult, Prompt, VersionRef } from "./types.ts";
import type { RefineBy } from "./refine/refined-logits.ts";
import type { ViewPrompt, ViewResult, ViewTask, Wish } from "./decoder/view-task.ts";

/** Parts of images that one request may have encoded, each .6 s of two cores where none is cached. */
export const mostRegions = 64;

/** Who waits for longer has mostly gone, or been cut off by something between. */
export const patienceMs = 120_000;

const tooLong = (ms: number): AppError =>
  new AppError(
    "overloaded",
    `These prompts were not all answered within ${ms / 1000} s; ask for fewer at a time, or later.`,
    { retryAfter: 30 },
  );

export interface PredictDeps {
  /** Milliseconds after which no more prompts of a request are taken up. */
  readonly patienceMs: number;
  readonly graphs: readonly DecoderGraph[];
  readonly threads: number;
  readonly workers: number;
  /** The embedding of the request's image, or of one part of it. */
  embed(request: PredictRequest, region?: { box: Box; size: Size }): Promise<Embedded>;
  /** The request's image, decoded. */
  pixels(request: PredictRequest): Promise<RgbImage>;
  weights(version: VersionRef, baseModel: string): Promise<PackedWeights>;
  answer(task: ViewTask): Promise<ViewResult>;
}

/** A version as a request asks it. */
interface AskedVersion {
  readonly weights: PackedWeights;
  readonly focus: Focus;
}

/** One prompt of one version, planned. */
interface Planned extends PlannedPrompt {
  readonly version: number;
  readonly index: number;
  readonly prompt: Prompt;
  readonly graph: DecoderGraph;
  /** Whether it is decoded from the image tokens near it. */
  readonly near: boolean;
}

/** What a request needs done, in small pieces; each puts its masks where they belong. */
interface Work {
  readonly deps: PredictDeps;
  readonly request: PredictRequest;
  readonly size: Size;
  readonly versions: readonly AskedVersion[];
  readonly wish: Wish;
  readonly times: Times;
  readonly froms: Embedded["from"][];
  /** By version and prompt, as the request has them. */
  readonly predictions: { masks: readonly PredictedMask[] }[][];
  /** Characters that further masks may be. */
  left: number;
  /** When it is given up, by performance.now(). */
  readonly until: number;
}

/**
 * Prompts of every version: planned into views, the views embedded, and answered in small tasks (answer-task.ts); the abort
 * signal is looked at between. Plain SAM is the plan of one view, the whole image. A click on a version with tiles takes two
 * steps: see imaging/views.ts.
 */
export async function predict(deps: PredictDeps, request: PredictRequest): Promise<PredictResult> {
  const start = performance.now();
  const { signal } = request;
  const asked = request.versions.map(({ focus = plainFocus }) => focus);
  // The image's embedding knows its size; with a zoom alone it is not needed where the caller knows the size.
  const needsWhole = asked.some(({ zoom }) => zoom === null) || !request.size;
  const [whole, weights] = await Promise.all([
    needsWhole ? deps.embed(request) : null,
    Promise.all(request.versions.map((version) => deps.weights(version, request.baseModel))),
  ]);
  const size = whole ? ([whole.embedding.height, whole.embedding.width] as const) : (request.size as Size);
  signal?.throwIfAborted();
  const work: Work = {
    deps,
    request,
    size,
    versions: asked.map((focus, i) => ({ focus, weights: weights[i] as PackedWeights })),
    wish: {
      multimask: request.multimask,
      format: request.format,
      polygonTolerance: request.polygonTolerance ?? 0,
      lowRes: request.lowRes ?? false,
    },
    times: { queue: 0, embed: performance.now() - start, decode: 0, encode: 0 },
    froms: whole ? [whole.from] : [],
    predictions: asked.map(() => Array.from({ length: request.prompts.length })),
    left: request.maxAnswerText ?? Infinity,
    until: start + deps.patienceMs,
  };
  const first = work.versions.flatMap(({ focus }, version) =>
    request.prompts.map((prompt, index) => {
      const zoom = focus.zoom && inTwoSteps(askedOf(prompt), focus.zoom) ? firstStep(focus.zoom) : focus.zoom;
      return plannedFor(work, { version, index, prompt }, zoom);
    }),
  );
  checkRegions(first);
  await answerAll(work, first);
  const second = secondSteps(work);
  checkRegions(second);
  await answerAll(work, second);
  const { times } = work;
  return {
    width: size[1],
    height: size[0],
    results: request.versions.map(({ number }, i) => ({
      version: number,
      predictions: work.predictions[i] ?? [],
    })),
    embeddingFrom: leastCached(work.froms),
    timingMs: toTimingMs(times, start),
  };
}

const askedOf = ({ box, points, mask }: Prompt) => ({ box, points, mask: mask !== undefined });

/** Throws what planPrompt throws, named by its prompt. */
function plannedFor(
  { deps: { graphs }, request, size, versions }: Work,
  asked: Pick<Planned, "version" | "index" | "prompt">,
  zoom: Focus["zoom"],
): Planned {
  try {
    const mask = asked.prompt.mask !== undefined;
    const { family } = (versions[asked.version] as AskedVersion).weights;
    const plan = planPrompt(asked.prompt, size, zoom, {
      maxTokens: mostTokens(graphs, mask, family),
      family,
    });
    const most = Math.max(0, ...plan.views.map(({ tokens }) => tokens.labels.length));
    const graph = graphFor(graphs, most, mask, family);
    const mayBeNear =
      request.near === true && request.multimask === false && asked.prompt.points === undefined;
    const near = mayBeNear && isNearTask(graph, plan.views);
    return { ...asked, ...plan, graph, near };
  } catch (error) {
    throw error instanceof AppError ? error.within(`prompts[${asked.index}]`) : error;
  }
}

const isNearTask = ({ near }: DecoderGraph, views: PlannedPrompt["views"]): boolean =>
  near !== null && views.every(({ tokens }) => isNear(tokens, near));

/** Throws AppError too_many_regions before any of them is encoded. */
function checkRegions(planned: readonly Planned[]): void {
  const regions = new Set(planned.flatMap(({ views }) => views.map(({ region }) => region.join())));
  if (regions.size <= mostRegions) return;
  throw new AppError(
    "too_many_regions",
    `These prompts look at ${regions.size} parts of the image, each of which is encoded by itself; ${mostRegions} are the most. Ask with fewer prompts.`,
    { param: "prompts" },
  );
}

/** What clicks found in one window, asked once more in tiles: the mask's box takes the place that a caller's would have. */
function secondSteps(work: Work): Planned[] {
  return work.versions.flatMap(({ focus: { zoom } }, version) =>
    work.request.prompts.flatMap((prompt, index) => {
      if (!zoom || !inTwoSteps(askedOf(prompt), zoom)) return [];
      const found = work.predictions[version]?.[index]?.masks[0];
      if (!found || found.area === 0) return [];
      const boxed = plannedFor(work, { version, index, prompt: { ...prompt, box: found.bbox } }, zoom);
      return [{ ...boxed, prompt }];
    }),
  );
}

/** Prompts of one version and graph on the same views share tasks, a few to each. */
async function answerAll(work: Work, planned: readonly Planned[]): Promise<void> {
  const groups = Map.groupBy(planned, ({ version, graph, near, views }) =>
    [version, graph.path, near, ...views.map(({ region }) => region.join())].join(" "),
  );
  const tasks = Array.from(groups.values()).flatMap((group) => inGroups(group, promptsPerTask(group[0])));
  await inLanes(tasks, work.deps.workers, async (some) => {
    work.request.signal?.throwIfAborted();
    if (performance.now() > work.until) throw tooLong(work.deps.patienceMs);
    await answerSome(work, some);
  });
  work.request.signal?.throwIfAborted();
}

async function answerSome(work: Work, some: readonly Planned[]): Promise<void> {
  const { deps, request, size, times, froms, predictions, wish } = work;
  const [{ version, graph, near, views }] = some as [Planned, ...Planned[]];
  const { weights, focus } = work.versions[version] as AskedVersion;
  const embedStart = performance.now();
  const [embedded, refine] = await Promise.all([
    Promise.all(views.map(({ region }) => deps.embed(request, { box: region, size }))),
    refineBy(work, focus),
  ]);
  froms.push(...embedded.map(({ from }) => from));
  times.embed += performance.now() - embedStart;
  const sentAt = now();
  const result = await deps.answer({
    graph,
    near,
    threads: deps.threads,
    weights,
    size,
    views: views.map(({ region }, i) => ({ region, embedding: (embedded[i] as Embedded).embedding })),
    refine,
    prompts: some.map((planned): ViewPrompt => ({
      index: planned.index,
      window: planned.window,
      tokens: planned.views.map(({ tokens }) => tokens),
      box: planned.prompt.box ?? null,
      mask: planned.prompt.mask,
      wish,
    })),
  });
  times.queue += Math.max(0, result.startedAt - sentAt);
  times.decode += result.decodeMs;
  times.encode += result.encodeMs;
  for (const [i, { index }] of some.entries()) {
    const { masks } = result.predictions[i] as ViewResult["predictions"][number];
    countText(work, masks);
    (predictions[version] as { masks: readonly PredictedMask[] }[])[index] = {
      masks: masks.map(({ lowRes, ...mask }) => ({
        ...mask,
        ...(mask.mask.format === "logits" && { mask: withText(mask.mask) }),
        ...(lowRes && { lowRes: lazyLogits(lowRes) }),
      })),
    };
  }
}

/** Throws AppError answer_too_large. */
function countText(work: Work, masks: ViewResult["predictions"][number]["masks"]): void {
  const { prompts, versions, maxAnswerText, format } = work.request;
  if (format === "logits") return;
  for (const { mask } of masks) work.left -= maskTextLength(mask);
  if (work.left >= 0) return;
  const asked = prompts.length * versions.length;
  throw new AppError(
    "answer_too_large",
    `The masks of these ${asked} prompts, each version's counted, take more than the ${maxAnswerText} characters that this answer may have. Ask for fewer at a time, or for run lengths (format rle).`,
    { param: "prompts" },
  );
}

async function refineBy({ deps, request }: Work, { refine }: Focus): Promise<RefineBy | null> {
  if (!refine) return null;
  return { settings: refine, image: await deps.pixels(request), sha256: request.image.sha256 };
}

const order: readonly Embedded["from"][] = ["memory", "store", "encoder"];

const leastCached = (froms: readonly Embedded["from"][]): Embedded["from"] =>
  order[Math.max(0, ...froms.map((from) => order.indexOf(from)))] ?? "memory";
