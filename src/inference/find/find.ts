import type { FinderPool } from "../../domain/finder.ts";
import { type Focus, plainFocus } from "../../domain/focus.ts";
import type { Peak } from "../../imaging/finding/peaks.ts";
import { maskTextLength } from "../../imaging/mask-text.ts";
import type { Box, RleMask, Size } from "../../imaging/types.ts";
import { viewsOf } from "../../imaging/views.ts";
import { elapsedMs, now, tenth } from "../../lib/clock.ts";
import { AppError } from "../../lib/errors.ts";
import type { PackedWeights } from "../decoder/packed-weights.ts";
import type { WriteTask, WrittenMask } from "../everything/write-masks.ts";
import { inGroups } from "../turns/lanes.ts";
import type { Embedded, PredictedMask, PredictRequest, PredictResult } from "../types.ts";
import { findFocus, finding } from "./find-focus.ts";
import type { PeaksResult, PeaksTask } from "./peaks-task.ts";
import { labelScore, logitOf } from "./scores.ts";
import type { TwinsTask } from "./twins.ts";
import type { FindAsk, FindingVersion, FindRequest, FindResult, FoundObject } from "./types.ts";

/** Boxes of one call, after which the abort signal is looked at. */
const boxesPerCall = 32;
/** Windows that are encoded for a version with a zoom, each .6 s of two cores where it is not cached. */
export const mostFindWindows = 12;
export interface FindDeps {
  readonly graphs: Readonly<Record<FinderPool, string>>;
  readonly threads: number;
  /** The embedding of the whole image. */
  embed(request: FindRequest): Promise<Embedded>;
  weights(version: FindingVersion): Promise<PackedWeights>;
  peaks(task: PeaksTask): Promise<PeaksResult>;
  /** Asks the version's own decoder. */
  predict(request: PredictRequest): Promise<PredictResult>;
  twins(task: TwinsTask): Promise<number[]>;
  masks(task: WriteTask): Promise<WrittenMask[]>;
}

/** A peak with its calibrated score. */
interface Scored extends Peak {
  readonly score: number;
}

/**
 * The objects that versions were taught, without prompts: a finder's peaks on the image's embedding become boxes for the
 * version's own decoder, as its focus says; of masks that show the same object the one with the higher label score stays.
 * All heavy work goes to workers. Where a version has a zoom, boxes beyond `mostFindWindows` windows are answered plainly.
 * Throws AppError answer_too_large, object_not_found, object_corrupted, and what embedding an image throws.
 */
export async function find(deps: FindDeps, request: FindRequest): Promise<FindResult> {
  const start = performance.now();
  const { versions, asks, image, signal } = request;
  const embedStart = performance.now();
  const { embedding, from } = await deps.embed(request);
  const times = { queue: 0, embed: performance.now() - embedStart, decode: 0, encode: 0 };
  const answers = new Answers(request);
  const results = [];
  for (const version of versions) {
    signal?.throwIfAborted();
    const { finder } = version;
    const least = request.threshold ?? finder.threshold;
    const sentAt = now();
    const { peaks, startedAt, decodeMs } = await deps.peaks({
      graph: deps.graphs[finder.pool],
      threads: deps.threads,
      weights: await deps.weights(version),
      finder: { labels: finder.labels, pool: finder.pool },
      embedding,
      floor: Math.max(lowestLogit, logitOf(least, finder)),
    });
    times.queue += Math.max(0, startedAt - sentAt);
    times.decode += decodeMs;
    const scored = peaks.map((peak): Scored => ({ ...peak, score: labelScore(peak.logit, finder) }));
    const found = [];
    for (const ask of asks) {
      const asked = scored.filter((peak) => isAsked(peak, ask, version));
      const objects = await answerAll(deps, request, version, asked.slice(0, request.most), times);
      const writeStart = performance.now();
      found.push({
        objects: await answers.write(deps, objects),
        left: Math.max(0, asked.length - request.most),
      });
      times.encode += performance.now() - writeStart;
    }
    results.push({ version: version.number, asks: found });
  }
  signal?.throwIfAborted();
  const [height, width] = image.size;
  const timingMs = {
    queue: tenth(times.queue),
    embed: tenth(times.embed),
    decode: tenth(times.decode),
    encode: tenth(times.encode),
    total: elapsedMs(start),
  };
  return { width, height, results, embeddingFrom: from, timingMs };
}

/** Below it a centre is noise, whatever threshold was asked for. */
const lowestLogit = -8;

function isAsked({ label, at: [x, y] }: Scored, ask: FindAsk, { finder }: FindingVersion): boolean {
  const inside = ([x0, y0, x1, y1]: Box): boolean => x >= x0 && x < x1 && y >= y0 && y < y1;
  if (ask.labels && !ask.labels.includes(finder.labels[label] as string | null)) return false;
  if (ask.region && !inside(ask.region)) return false;
  return !ask.exclude?.some(inside);
}

/** Masks as run lengths, twins gone, by label score. */
async function answerAll(
  deps: FindDeps,
  request: FindRequest,
  version: FindingVersion,
  peaks: readonly Scored[],
  times: { decode: number; embed: number; encode: number; queue: number },
): Promise<FoundObject[]> {
  const focus = version.focus ?? plainFocus;
  const { closer, plain } = byWindows(peaks, request.image.size, focus);
  const withoutWindow = new Set(plain);
  const masks = new Map<Scored, PredictedMask>();
  const sides = [
    { some: closer, version: finding(version, false) },
    { some: plain, version: finding(version, true) },
  ];
  for (const side of sides) {
    for (const turn of inGroups(side.some, boxesPerCall)) {
      request.signal?.throwIfAborted();
      const { results, timingMs } = await deps.predict({
        workspaceId: request.workspaceId,
        baseModel: request.baseModel,
        signal: request.signal,
        image: request.image,
        size: request.image.size,
        versions: [side.version],
        prompts: turn.map(({ box }) => ({ box })),
        multimask: false,
        format: "rle",
      });
      for (const name of ["queue", "embed", "decode", "encode"] as const) times[name] += timingMs[name];
      for (const [i, peak] of turn.entries()) {
        const mask = results[0]?.predictions[i]?.masks[0];
        if (mask && mask.area > 0) masks.set(peak, mask);
      }
    }
  }
  const found = peaks.flatMap((peak): FoundObject[] => {
    const mask = masks.get(peak);
    const label = version.finder.labels[peak.label] ?? null;
    const how = withoutWindow.has(peak) ? { plain: true as const } : {};
    return mask ? [{ ...mask, label, labelScore: peak.score, prompt: peak.box, ...how }] : [];
  });
  const kept = await deps.twins({ masks: found.map(({ mask, bbox }) => ({ mask: mask as RleMask, bbox })) });
  return kept.map((at) => found[at] as FoundObject);
}

/** Boxes whose windows are few enough to be encoded, in their order, and the others. */
function byWindows(
  peaks: readonly Scored[],
  size: Size,
  focus: Focus,
): { closer: Scored[]; plain: Scored[] } {
  const { zoom } = findFocus(focus);
  if (!zoom) return { closer: [...peaks], plain: [] };
  const windows = new Set<string>();
  const [closer, plain]: [Scored[], Scored[]] = [[], []];
  for (const peak of peaks) {
    const { views } = viewsOf({ box: peak.box, points: undefined, mask: false }, size, zoom);
    const own = new Set([...windows, ...views.map(({ region }) => region.join())]);
    if (own.size > mostFindWindows) plain.push(peak);
    else {
      for (const one of own) windows.add(one);
      closer.push(peak);
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

const masksPerTask = 16;
