import { likePlaces, likeThreshold } from "../../domain/finder-layout.ts";
import type { Exemplar } from "../../imaging/finding/likeness.ts";
import type { Box, RleMask } from "../../imaging/types.ts";
import { now } from "../../lib/clock.ts";
import type { WriteTask, WrittenMask } from "../everything/write-masks.ts";
import { type Times, toTimingMs } from "../timing.ts";
import type { Embedded, ImageEmbedding, VersionRef } from "../types.ts";
import { type BoxDeps, decodeBoxes, withoutTwins } from "./decode-boxes.ts";
import { isInside } from "./inside.ts";
import type { LikenessTask, LikeResult, LikeTask } from "./like-task.ts";
import type { Boxed, FindRequest, FindResult, FoundObject, LikeAsk, LikeRequest } from "./types.ts";
import { Answers } from "./write-found.ts";

/** What is less alike at first sight, of the threshold, is not looked at again. */
const firstSight = 0.6;

export interface LikeDeps extends BoxDeps {
  /** The embedding of a whole image. */
  embed(request: Pick<FindRequest, "image" | "workspaceId" | "baseModel" | "signal">): Promise<Embedded>;
  like(task: LikeTask): Promise<LikeResult>;
  likeness(task: LikenessTask): Promise<number[]>;
  masks(task: WriteTask): Promise<WrittenMask[]>;
}

/**
 * The objects of an image that are like one or several that are there, without training: places whose cells show the same become boxes
 * of its size for the version's decoder; the boxes of those masks that are alike ask it once more, as its focus says. The
 * label score is the likeness times the decoder's own score, in [0, 1]; it is not calibrated. What is shown is left out.
 * After PerSAM (Zhang et al. 2023), with what all cells have in common taken off first.
 * Where the version sees nothing in the object's box, nothing is like it.
 * Throws AppError answer_too_large, and what embedding an image throws.
 */
export async function findLike(deps: LikeDeps, request: LikeRequest): Promise<FindResult> {
  const start = performance.now();
  const { versions, asks, image, signal } = request;
  const { embedding, from } = await deps.embed(request);
  const times: Times = { queue: 0, embed: performance.now() - start, decode: 0, encode: 0 };
  const answers = new Answers(request);
  const results = [];
  for (const version of versions) {
    const found = [];
    for (const ask of asks) {
      signal?.throwIfAborted();
      const objects = await look(deps, request, { version, ask, embedding }, times);
      const writeStart = performance.now();
      found.push({
        objects: await answers.write(deps, objects.slice(0, request.most)),
        left: Math.max(0, objects.length - request.most),
      });
      times.encode += performance.now() - writeStart;
    }
    results.push({ version: version.number, asks: found });
  }
  const [height, width] = image.size;
  return { width, height, results, embeddingFrom: from, timingMs: toTimingMs(times, start) };
}

interface Looking {
  readonly version: VersionRef;
  readonly ask: LikeAsk;
  readonly embedding: ImageEmbedding;
}

/** What one version finds for one ask, the most alike first. */
async function look(
  deps: LikeDeps,
  request: LikeRequest,
  looking: Looking,
  times: Times,
): Promise<FoundObject[]> {
  const { version, ask, embedding } = looking;
  const shown = await shownOf(deps, request, looking, times);
  if (shown.length === 0) return [];
  const sentAt = now();
  const most = likePlaces(request.most);
  const { exemplar, boxes: round, places, startedAt, decodeMs } = await deps.like({ embedding, shown, most });
  times.queue += Math.max(0, startedAt - sentAt);
  times.decode += decodeMs;
  if (!exemplar) return [];
  const threshold = request.threshold ?? likeThreshold;
  const asked = places.filter(({ at }) => isInside(at, ask)).map(({ box }) => box);
  const own = shown.flatMap(({ of, mask }, i) => (of === embedding ? [{ mask, bbox: round[i] as Box }] : []));
  const score = async (least: number, masks: readonly (Boxed | null)[]): Promise<Scored[]> =>
    best(deps, { embedding, exemplar, own, least }, masks);
  const first = await decodeBoxes(deps, request, { version, boxes: asked, plainly: true }, times);
  const boxes = (await score(firstSight * threshold, first)).map(({ bbox }) => bbox);
  const second = await decodeBoxes(deps, request, { version, boxes }, times);
  return (await score(threshold, second)).map((object) => ({ ...object, label: ask.label }));
}

/**
 * What a version makes of the objects that others are to be like, each with the embedding of its image. Its own masks, not
 * those that were drawn: all others are its own, too, and a version that was not taught takes a stamp for a disc.
 */
async function shownOf(
  deps: LikeDeps,
  request: LikeRequest,
  { version, ask: { like }, embedding }: Looking,
  times: Times,
): Promise<LikeTask["shown"]> {
  const shown = [];
  for (const { box, image = request.image } of like) {
    request.signal?.throwIfAborted();
    const isHere = image.sha256 === request.image.sha256;
    const of = isHere ? embedding : (await deps.embed({ ...request, image })).embedding;
    const [drawn] = await decodeBoxes(deps, { ...request, image }, { version, boxes: [box] }, times);
    if (drawn) shown.push({ of, mask: drawn.mask as RleMask });
  }
  return shown;
}

type Scored = Boxed & { readonly labelScore: number };

interface Bar {
  readonly embedding: ImageEmbedding;
  readonly exemplar: Exemplar;
  /** The masks of what is shown that lie on this image. */
  readonly own: readonly Pick<Boxed, "mask" | "bbox">[];
  readonly least: number;
}

/** The masks that are alike enough, each object once and none that is shown, the most alike first. */
async function best(
  deps: LikeDeps,
  { embedding, exemplar, own, least }: Bar,
  masks: readonly (Boxed | null)[],
): Promise<Scored[]> {
  const there = masks.filter((one) => one !== null);
  const alike = await deps.likeness({
    embedding,
    exemplar,
    masks: there.map(({ mask, area }) => ({ mask: mask as RleMask, area })),
  });
  const scored = there
    .map((one, i): Scored => ({ ...one, labelScore: clamp((alike[i] as number) * clamp(one.score)) }))
    .filter(({ labelScore }) => labelScore >= least)
    .sort((a, b) => b.labelScore - a.labelScore);
  const kept = await withoutTwins<Pick<Boxed, "mask" | "bbox">>(deps, [...own, ...scored]);
  return kept.filter((one): one is Scored => !own.includes(one));
}

const clamp = (value: number): number => Math.max(0, Math.min(1, value));
