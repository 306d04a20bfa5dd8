import { maskTextLength } from "../../imaging/mask-text.ts";
import { now } from "../../lib/clock.ts";
import { AppError } from "../../lib/errors.ts";
import { type DecoderGraph, graphFor } from "../../graphs/files.ts";
import { type Times, toTimingMs } from "../timing.ts";
import { inGroups, inLanes } from "../turns/lanes.ts";
import type { PackedWeights } from "../decoder/packed-weights.ts";
import type { Embedded, PredictRequest, PredictResult, VersionRef } from "../types.ts";
import { isWhole } from "../embedding/regions.ts";
import { lookCloser } from "./closer.ts";
import type { PointsResult, PointsTask } from "./decode-points.ts";
import { planEverything, type PlannedCrop } from "./plan.ts";
import { type SuppressTask, suppressTask } from "./suppress.ts";
import type { Candidate, EverythingMask, EverythingRequest, EverythingResult } from "./types.ts";
import type { WriteTask, WrittenMask } from "./write-masks.ts";

/** Points of one run at most, whatever was asked: more are hardly faster each, take 30 MB each, and make others wait. */
const pointsPerTask = 8;
const masksPerTask = 16;
/** A point and its padding. */
const tokensPerPoint = 2;

export interface EverythingDeps {
  readonly graphs: readonly DecoderGraph[];
  readonly threads: number;
  readonly workers: number;
  /** The embedding of one crop; see embedRegion, and for `passing` EmbedOptions. */
  embed(request: EverythingRequest, crop: PlannedCrop["crop"], passing: boolean): Promise<Embedded>;
  weights(version: VersionRef, baseModel: string): Promise<PackedWeights>;
  /** `passing`: hardly anybody else will ask about this embedding, so that nothing is kept for one. */
  points(task: PointsTask, passing: boolean): Promise<PointsResult>;
  boxes(task: SuppressTask): Promise<number[]>;
  masks(task: WriteTask): Promise<WrittenMask[]>;
  /** Asks a version by its focus: see closer.ts. */
  predict(request: PredictRequest): Promise<PredictResult>;
}

/**
 * Every object of an image, as Meta's automatic mask generator finds them: points over the image and over crops of it,
 * masks filtered by score and stability, duplicates removed within and across crops. All heavy work goes to workers in
 * small tasks; the abort signal is looked at before each. A version with a focus is asked by it for what it found.
 * Source: segment-anything automatic_mask_generator.py, generate. Empty masks are dropped, which there survive thresholds
 * of 0.
 * Throws what planEverything throws, AppError answer_too_large, and what embedding an image throws.
 */
export async function segmentEverything(
  deps: EverythingDeps,
  request: EverythingRequest,
): Promise<EverythingResult> {
  const start = performance.now();
  const { image, versions, signal } = request;
  const settings = request.only ? { ...request.settings, ...unfiltered } : request.settings;
  const plan = plannedWork(request);
  const weights = await Promise.all(versions.map((version) => deps.weights(version, request.baseModel)));
  const times: Times = { queue: 0, embed: 0, decode: 0, encode: 0 };
  const found = versions.map((): Candidate[] => []);
  const isAsked = ({ foundAt }: Candidate): boolean => !request.only || foundAt.token === request.only.token;
  const embeddingsFrom: Embedded["from"][] = [];

  for (const planned of plan) {
    signal?.throwIfAborted();
    const embedStart = performance.now();
    const { embedding, from } = await deps.embed(request, planned.crop, !isWhole(planned.crop, image.size));
    times.embed += performance.now() - embedStart;
    embeddingsFrom.push(from);
    for (const [v, own] of weights.entries()) {
      const task = {
        embedding,
        weights: own,
        threads: deps.threads,
        graph: graphFor(deps.graphs, tokensPerPoint, false, own.family),
      };
      const decoded = await decodeCrop(deps, { ...request, settings }, { ...task, planned }, times);
      const candidates = decoded.filter(isAsked);
      const scores = candidates.map(({ score }) => score);
      const kept = await deps.boxes(suppressTask(candidates, scores, settings.boxNmsThresh));
      for (const at of kept) found[v]?.push(candidates[at] as Candidate);
    }
  }

  const writing = { ...request, left: request.maxAnswerBytes };
  const results = [];
  for (const [v, version] of versions.entries()) {
    let masks = found[v] ?? [];
    if (plan.length > 1) {
      // The mask of the smaller crop is the finer one.
      const scores = masks.map(({ crop: [x0, y0, x1, y1] }) => 1 / ((x1 - x0) * (y1 - y0)));
      const kept = await deps.boxes(suppressTask(masks, scores, settings.cropNmsThresh));
      masks = kept.map((at) => masks[at] as Candidate);
    }
    masks = await lookCloser((again) => deps.predict(again), request, version, masks);
    const writeStart = performance.now();
    results.push({ version: version.number, masks: await write(deps, writing, masks) });
    times.encode += performance.now() - writeStart;
  }
  signal?.throwIfAborted();
  const [height, width] = image.size;
  return { width, height, results, embeddingsFrom, timingMs: toTimingMs(times, start) };
}

/** A mask that was once answered with is made again whatever the decoder thinks of it. */
const unfiltered = { predIouThresh: 0, stabilityScoreThresh: 0 } as const;

/** A crop with the points to ask at, and where these stand in the whole plan. */
interface WorkOfCrop extends PlannedCrop {
  readonly first: PointsTask["first"];
}

/** Throws what planEverything throws. */
function plannedWork({ image, settings, only }: EverythingRequest): WorkOfCrop[] {
  const plan = planEverything(image.size, settings);
  if (!only) return plan.map((planned, crop) => ({ ...planned, first: { crop, point: 0 } }));
  const planned = plan[only.crop];
  const point = planned?.points[only.point];
  if (!planned || !point) throw new Error(`the plan has no point ${only.point} in a crop ${only.crop}`);
  return [{ crop: planned.crop, points: [point], first: { crop: only.crop, point: only.point } }];
}

/** The candidates of all points of one crop, in the points' order. */
async function decodeCrop(
  deps: EverythingDeps,
  { image, settings, signal }: EverythingRequest,
  {
    planned,
    ...task
  }: Pick<PointsTask, "embedding" | "weights" | "threads" | "graph"> & { planned: WorkOfCrop },
  times: Times,
): Promise<Candidate[]> {
  const groupSize = Math.min(settings.pointsPerBatch, pointsPerTask);
  const groups = inGroups(planned.points, groupSize);
  const candidates = groups.map((): readonly Candidate[] => []);
  const { predIouThresh, stabilityScoreThresh, stabilityScoreOffset } = settings;
  const thresholds = { predIouThresh, stabilityScoreThresh, stabilityScoreOffset };
  await inLanes([...groups.entries()], deps.workers, async ([i, points]) => {
    signal?.throwIfAborted();
    const sentAt = now();
    const result = await deps.points(
      {
        ...task,
        points,
        crop: planned.crop,
        first: { ...planned.first, point: planned.first.point + i * groupSize },
        size: image.size,
        settings: thresholds,
      },
      !isWhole(planned.crop, image.size),
    );
    times.queue += Math.max(0, result.startedAt - sentAt);
    times.decode += result.decodeMs;
    times.encode += result.encodeMs;
    candidates[i] = result.candidates;
  });
  return candidates.flat();
}

/** Masks cleaned and written; `left` counts down over all versions. */
async function write(
  deps: EverythingDeps,
  request: EverythingRequest & { left: number },
  masks: readonly Candidate[],
): Promise<EverythingMask[]> {
  const { image, settings, format, signal } = request;
  const minArea = settings.minMaskRegionArea;
  const groups = inGroups(masks, masksPerTask);
  const written = groups.map((): readonly WrittenMask[] => []);
  await inLanes([...groups.entries()], deps.workers, async ([i, some]) => {
    signal?.throwIfAborted();
    const own = some.map(({ mask, crop, bbox, area }) => ({ mask, crop, bbox, area }));
    const result = await deps.masks({ masks: own, size: image.size, minArea, format });
    written[i] = result;
    for (const { mask } of result) request.left -= maskTextLength(mask);
    if (request.left < 0) {
      const message =
        `the ${masks.length} masks take more than the ${request.maxAnswerBytes} characters that an answer may have (at most MAX_ANSWER_BYTES). ` +
        "Ask for fewer points or versions, stricter thresholds, or format rle.";
      throw new AppError("answer_too_large", message, { param: "format" });
    }
  });
  const finished = written.flat();
  const order = minArea > 0 ? await unchangedFirst(deps, settings, finished) : finished.keys();
  return Array.from(order, (at) => {
    const { bbox, area, mask } = finished[at] as WrittenMask;
    const { score, stability, point, crop, foundAt } = masks[at] as Candidate;
    return { score, stability, point, crop, foundAt, bbox, area, mask };
  });
}

/** Cleaning makes new duplicates; of two, the mask that needed none stays. */
function unchangedFirst(
  deps: EverythingDeps,
  { boxNmsThresh, cropNmsThresh }: EverythingRequest["settings"],
  masks: readonly WrittenMask[],
): Promise<number[]> {
  const scores = masks.map(({ changed }) => (changed ? 0 : 1));
  return deps.boxes(suppressTask(masks, scores, Math.max(boxNmsThresh, cropNmsThresh)));
}
