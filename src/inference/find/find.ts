import type { Finder, FinderPool } from "../../domain/finder.ts";
import { type Focus, plainFocus } from "../../domain/focus.ts";
import type { Peak } from "../../imaging/finding/peaks.ts";
import { maskTextLength } from "../../imaging/mask-text.ts";
import type { RleMask, Size } from "../../imaging/types.ts";
import { viewsOf } from "../../imaging/views.ts";
import { now } from "../../lib/clock.ts";
import { AppError } from "../../lib/errors.ts";
import type { PackedWeights } from "../decoder/packed-weights.ts";
import type { WriteTask, WrittenMask } from "../everything/write-masks.ts";
import { type Times, toTimingMs } from "../timing.ts";
import { inGroups } from "../turns/lanes.ts";
import type { Embedded, PredictRequest, PredictResult } from "../types.ts";
import { findFocus, finding } from "./find-focus.ts";
import type { PeaksResult, PeaksTask } from "./peaks-task.ts";
import { labelScore, logitOf } from "./scores.ts";
import type { TwinsTask } from "./twins.ts";
import type { FindingVersion, FindRequest, FindResult, FoundObject } from "./types.ts";

/** Boxes of one call, after which the abort signal is looked at. */
const boxesPerCall = 32;
/** Windows that are encoded for a version with a zoom, each .6 s of two cores where it is not cached. */
export const mostFindWindows = 12;
/** Masks of one task. */
const masksPerTask = 16;

export interface FindDeps {
  readonly graphs: Readonly<Record<FinderPool, string>>;
  readonly threads: number;
  /** The embedding of the whole image. */
  embed(request: Pick<FindRequest, "image" | "workspaceId" | "baseModel" | "signal">): Promise<Embedded>;
  weights(version: FindingVersion): Promise<PackedWeights>;
  peaks(task: PeaksTask): Promise<PeaksResult>;
  /** Asks the version's own decoder. */
  predict(request: PredictRequest): Promise<PredictResult>;
  twins(task: TwinsTask): Promise<number[]>;
  masks(task: WriteTask): Promise<WrittenMask[]>;
  /** Keeps how unsure a finder was of the image. */
  note(finder: Finder, doubt: number): Promise<void>;
}

/**
 * The objects that versions were taught, without prompts: a finder's peaks on the image's embedding become boxes for the
 * version's own decoder, as its focus says; of masks that show the same object the one with the higher label score stays.
 * A peak that several asks want is decoded once. All heavy work goes to workers. Where a version has a zoom, boxes beyond
 * `mostFindWindows` windows of a request are answered plainly.
 * Throws AppError answer_too_large, object_not_found, object_corrupted, and what embedding an image throws.
 */
export async function find(deps: FindDeps, request: FindRequest): Promise<FindResult> {
  const start = performance.now();
  const { versions, asks, most, image, signal } = request;
  const { embedding, from } = await deps.embed(request);
  const times: Times = { queue: 0, embed: performance.now() - start, decode: 0, encode: 0 };
  const answers = new Answers(request);
  const results = [];
  for (const version of versions) {
    signal?.throwIfAborted();
    const { finder } = version;
    const least = request.threshold ?? finder.threshold;
    const sentAt = now();
    const { peaks, asked, doubt, startedAt, decodeMs } = await deps.peaks({
      graph: deps.graphs[finder.pool],
      threads: deps.threads,
      weights: await deps.weights(version),
      finder,
      embedding,
      floor: Math.max(lowestLogit, logitOf(least, finder)),
      asks,
      most,
    });
    times.queue += Math.max(0, startedAt - sentAt);
    times.decode += decodeMs;
    await deps.note(finder, doubt);
    const objects = await decodeAll(deps, request, version, peaks, times);
    const found = [];
    for (const { places, left } of asked) {
      const own = places.flatMap((at) => objects[at] ?? []);
      const writeStart = performance.now();
      found.push({ objects: await answers.write(deps, await withoutTwins(deps, own)), left });
      times.encode += performance.now() - writeStart;
    }
    results.push({ version: version.number, asks: found });
  }
  signal?.throwIfAborted();
  const [height, width] = image.size;
  return { width, height, results, embeddingFrom: from, timingMs: toTimingMs(times, start) };
}

/** Below it a centre is noise, whatever threshold was asked for. */
export const lowestLogit = -8;

/** An object for every peak, its mask as run lengths; null where the decoder sees nothing. */
async function decodeAll(
  deps: FindDeps,
  { workspaceId, baseModel, image, signal }: FindRequest,
  version: FindingVersion,
  peaks: readonly Peak[],
  times: Times,
): Promise<(FoundObject | null)[]> {
  const { finder, focus = plainFocus } = version;
  const objects: (FoundObject | null)[] = peaks.map(() => null);
  const { closer, plain } = byWindows(peaks, image.size, focus);
  for (const [places, isPlain] of [
    [closer, false],
    [plain, true],
  ] as const) {
    for (const some of inGroups(places, boxesPerCall)) {
      signal?.throwIfAborted();
      const own = some.map((at) => peaks[at] as Peak);
      const { results, timingMs } = await deps.predict({
        workspaceId,
        baseModel,
        signal,
        image,
        size: image.size,
        versions: [finding(version, isPlain)],
        prompts: own.map(({ box }) => ({ box })),
        multimask: false,
        format: "rle",
      });
      for (const name of ["queue", "embed", "decode", "encode"] as const) times[name] += timingMs[name];
      for (const [i, { label, logit, box }] of own.entries()) {
        const mask = results[0]?.predictions[i]?.masks[0];
        if (!mask || mask.area === 0) continue;
        objects[some[i] as number] = {
          ...mask,
          label: finder.labels[label] ?? null,
          labelScore: labelScore(logit, finder),
          prompt: box,
          ...(isPlain && { plain: true as const }),
        };
      }
    }
  }
  return objects;
}

/** The first of those objects whose masks show the same. */
async function withoutTwins(deps: FindDeps, objects: readonly FoundObject[]): Promise<FoundObject[]> {
  const masks = objects.map(({ mask, bbox }) => ({ mask: mask as RleMask, bbox }));
  return (await deps.twins({ masks })).map((at) => objects[at] as FoundObject);
}

/** Places of the boxes whose windows are few enough to be encoded, and of the others, in their order. */
function byWindows(peaks: readonly Peak[], size: Size, focus: Focus): { closer: number[]; plain: number[] } {
  const { zoom } = findFocus(focus);
  if (!zoom) return { closer: [...peaks.keys()], plain: [] };
  const windows = new Set<string>();
  const [closer, plain]: [number[], number[]] = [[], []];
  for (const [at, { box }] of peaks.entries()) {
    const { views } = viewsOf({ box }, size, zoom);
    const own = new Set([...windows, ...views.map(({ region }) => region.join())]);
    if (own.size > mostFindWindows) plain.push(at);
    else {
      for (const one of own) windows.add(one);
      closer.push(at);
    }
  }
  return { closer, plain };
}

/** Writes masks as they are asked for, and counts their text over all versions. */
class Answers {
  #left: number;
  readonly #request: FindRequest;

  constructor(request: FindRequest) {
    this.#left = request.maxAnswerText;
    this.#request = request;
  }

  /** Throws AppError answer_too_large. */
  async write(deps: FindDeps, objects: readonly FoundObject[]): Promise<FoundObject[]> {
    const { format, polygonTolerance, image, signal } = this.#request;
    const written: FoundObject[] = [];
    for (const some of inGroups(objects, masksPerTask)) {
      signal?.throwIfAborted();
      const crop = [0, 0, image.size[1], image.size[0]] as const;
      const masks =
        format === "rle"
          ? some
          : await deps.masks({
              masks: some.map(({ mask, bbox, area }) => ({ mask: mask as RleMask, crop, bbox, area })),
              size: image.size,
              minArea: 0,
              format,
              polygonTolerance,
            });
      for (const [i, object] of some.entries()) {
        const { mask } = masks[i] as Pick<WrittenMask, "mask">;
        this.#left -= maskTextLength(mask);
        written.push({ ...object, mask });
      }
      if (this.#left < 0)
        throw new AppError(
          "answer_too_large",
          `The masks that were found take more than the ${this.#request.maxAnswerText} characters that an answer may have. Ask for fewer objects or versions, or for run lengths (format rle).`,
          { param: "max_objects" },
        );
    }
    return written;
  }
}
