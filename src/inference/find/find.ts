import type { Finder, FinderPool } from "../../domain/finder.ts";
import type { Peak } from "../../imaging/finding/peaks.ts";
import { now } from "../../lib/clock.ts";
import type { PackedWeights } from "../decoder/packed-weights.ts";
import type { WriteTask, WrittenMask } from "../everything/write-masks.ts";
import { type Times, toTimingMs } from "../timing.ts";
import type { Embedded } from "../types.ts";
import { type BoxDeps, decodeBoxes, withoutTwins } from "./decode-boxes.ts";
import { asRegion, type Region, type RegionTask } from "./region.ts";
import type { PeaksResult, PeaksTask } from "./peaks-task.ts";
import { labelScore, logitOf, lowestLogit } from "./scores.ts";
import type { FindingVersion, FindRequest, FindResult, FoundObject } from "./types.ts";
import { Answers } from "./write-found.ts";

export interface FindDeps extends BoxDeps {
  readonly graphs: Readonly<Record<FinderPool, string>>;
  readonly threads: number;
  /** The embedding of the whole image. */
  embed(request: Pick<FindRequest, "image" | "workspaceId" | "baseModel" | "signal">): Promise<Embedded>;
  weights(version: FindingVersion): Promise<PackedWeights>;
  peaks(task: PeaksTask): Promise<PeaksResult>;
  region(task: RegionTask): Promise<Region>;
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
  for (const [v, version] of versions.entries()) {
    signal?.throwIfAborted();
    const { finder } = version;
    const least = request.threshold ?? finder.threshold;
    const sentAt = now();
    const { peaks, asked, names, doubt, startedAt, decodeMs } = await deps.peaks({
      graph: deps.graphs[finder.pool],
      threads: deps.threads,
      weights: await deps.weights(version),
      finder,
      embedding,
      floor: Math.max(lowestLogit, logitOf(least, finder)),
      asks,
      most,
      boxes: request.names?.[v] ?? [],
    });
    times.queue += Math.max(0, startedAt - sentAt);
    times.decode += decodeMs;
    await deps.note(finder, doubt);
    const objects = await decodePeaks(deps, request, { version, peaks }, times);
    const found = [];
    for (const [a, { places, left }] of asked.entries()) {
      const own = places.flatMap((at) => objects[at] ?? []);
      const writeStart = performance.now();
      const single = await withoutTwins(deps, own);
      const answer = asks[a]?.asRegion && single.length > 0 ? [await asRegion(deps, single)] : single;
      found.push({ objects: await answers.write(deps, answer), left });
      times.encode += performance.now() - writeStart;
    }
    results.push({ version: version.number, asks: found, ...(request.names && { names }) });
  }
  signal?.throwIfAborted();
  const [height, width] = image.size;
  return { width, height, results, embeddingFrom: from, timingMs: toTimingMs(times, start) };
}

/** An object for every peak, its mask as run lengths; null where the decoder sees nothing. */
async function decodePeaks(
  deps: FindDeps,
  request: FindRequest,
  { version, peaks }: { version: FindingVersion; peaks: readonly Peak[] },
  times: Times,
): Promise<(FoundObject | null)[]> {
  const { finder } = version;
  const boxed = await decodeBoxes(deps, request, { version, boxes: peaks.map(({ box }) => box) }, times);
  return boxed.map((object, i) => {
    const { label, logit } = peaks[i] as Peak;
    return (
      object && { ...object, label: finder.labels[label] ?? null, labelScore: labelScore(logit, finder) }
    );
  });
}
