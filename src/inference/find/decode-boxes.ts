import { plainFocus } from "../../domain/focus.ts";
import type { Box, RleMask, Size } from "../../imaging/types.ts";
import { viewsOf } from "../../imaging/views.ts";
import { type Times } from "../timing.ts";
import { inGroups } from "../turns/lanes.ts";
import type { PredictRequest, PredictResult, VersionRef } from "../types.ts";
import { findFocus, finding } from "./find-focus.ts";
import type { TwinsTask } from "./twins.ts";
import type { Boxed, FindRequest } from "./types.ts";

/** Boxes of one call, after which the abort signal is looked at. */
const boxesPerCall = 32;
/** Windows that are encoded for a version with a zoom, each .6 s of two cores where it is not cached. */
export const mostFindWindows = 12;

export interface BoxDeps {
  /** Asks the version's own decoder. */
  predict(request: PredictRequest): Promise<PredictResult>;
  twins(task: TwinsTask): Promise<number[]>;
}

type BoxRequest = Pick<FindRequest, "workspaceId" | "baseModel" | "image" | "signal">;

/**
 * A version's masks of boxes as run lengths, in their order; null where the decoder sees nothing. Where the version has a zoom,
 * boxes beyond `mostFindWindows` windows are answered plainly; all of them where `plainly` is set, without refining.
 */
export async function decodeBoxes(
  deps: Pick<BoxDeps, "predict">,
  request: BoxRequest,
  asked: { version: VersionRef; boxes: readonly Box[]; plainly?: boolean },
  times: Times,
): Promise<(Boxed | null)[]> {
  const { version, boxes, plainly = false } = asked;
  const objects: (Boxed | null)[] = boxes.map(() => null);
  const { closer, plain } = plainly
    ? { closer: [], plain: [...boxes.keys()] }
    : byWindows(boxes, request.image.size, version);
  for (const [places, isPlain] of [
    [closer, false],
    [plain, true],
  ] as const) {
    const own = places.map((at) => boxes[at] as Box);
    const made = await decodeAlike(deps, request, { version, boxes: own, isPlain }, times);
    for (const [i, object] of made.entries()) objects[places[i] as number] = object;
  }
  return objects;
}

/** The same of boxes that are all answered plainly, or none. */
export async function decodeAlike(
  deps: Pick<BoxDeps, "predict">,
  { workspaceId, baseModel, image, signal }: BoxRequest,
  { version, boxes, isPlain }: { version: VersionRef; boxes: readonly Box[]; isPlain: boolean },
  times?: Times,
): Promise<(Boxed | null)[]> {
  const objects: (Boxed | null)[] = [];
  for (const some of inGroups(boxes, boxesPerCall)) {
    signal?.throwIfAborted();
    const { results, timingMs } = await deps.predict({
      workspaceId,
      baseModel,
      signal,
      image,
      size: image.size,
      versions: [finding(version, isPlain)],
      prompts: some.map((box) => ({ box })),
      multimask: false,
      near: true,
      format: "rle",
    });
    if (times)
      for (const name of ["queue", "embed", "decode", "encode"] as const) times[name] += timingMs[name];
    for (const [i, box] of some.entries()) {
      const mask = results[0]?.predictions[i]?.masks[0];
      const isThere = mask && mask.area > 0;
      objects.push(isThere ? { ...mask, prompt: box, ...(isPlain && { plain: true as const }) } : null);
    }
  }
  return objects;
}

/** The first of those objects whose masks show the same. */
export async function withoutTwins<Found extends Pick<Boxed, "mask" | "bbox">>(
  deps: Pick<BoxDeps, "twins">,
  objects: readonly Found[],
): Promise<Found[]> {
  const masks = objects.map(({ mask, bbox }) => ({ mask: mask as RleMask, bbox }));
  return (await deps.twins({ masks })).map((at) => objects[at] as Found);
}

/** Places of the boxes whose windows are few enough to be encoded, and of the others, in their order. */
function byWindows(
  boxes: readonly Box[],
  size: Size,
  { focus = plainFocus }: VersionRef,
): { closer: number[]; plain: number[] } {
  const { zoom } = findFocus(focus);
  if (!zoom) return { closer: [...boxes.keys()], plain: [] };
  const windows = new Set<string>();
  const [closer, plain]: [number[], number[]] = [[], []];
  for (const [at, box] of boxes.entries()) {
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
