import { mostCloser, mostWindows } from "../../domain/everything.ts";
import { isPlain, plainFocus } from "../../domain/focus.ts";
import { viewsOf } from "../../imaging/views.ts";
import type { RleMask } from "../../imaging/types.ts";
import type { PredictRequest, PredictResult, Prompt, VersionRef } from "../types.ts";
import type { Candidate, EverythingRequest } from "./types.ts";

/** Prompts of one call, after which the abort signal is looked at. */
const promptsPerCall = 32;

/**
 * The masks that a version found, each asked once more as predict would be: by its own box and point, through the version's
 * focus. A version is trained and judged on such prompts, so what it finds by itself is as good as what it is asked for.
 * A mask that comes back empty, or that the limits leave no room for, stays as it was found. Masks of plain versions do, too.
 */
export async function lookCloser(
  predict: (request: PredictRequest) => Promise<PredictResult>,
  request: EverythingRequest,
  version: VersionRef,
  masks: readonly Candidate[],
): Promise<Candidate[]> {
  const focus = version.focus ?? plainFocus;
  if (isPlain(focus)) return [...masks];
  const { image, workspaceId, baseModel, signal } = request;
  const out = [...masks];
  const some = withinLimits(masks, request, version);
  for (let from = 0; from < some.length; from += promptsPerCall) {
    signal?.throwIfAborted();
    const turn = some.slice(from, from + promptsPerCall);
    const { results } = await predict({
      workspaceId,
      baseModel,
      signal,
      image,
      size: image.size,
      versions: [version],
      prompts: turn.map((at) => promptOf(masks[at] as Candidate)),
      multimask: false,
      format: "rle",
    });
    for (const [i, at] of turn.entries()) {
      const answer = results[0]?.predictions[i]?.masks[0];
      if (!answer || answer.area === 0) continue;
      const { score, bbox, area, mask } = answer;
      const [height, width] = image.size;
      const found = masks[at] as Candidate;
      out[at] = { ...found, score, bbox, area, mask: mask as RleMask, crop: [0, 0, width, height] };
    }
  }
  return out;
}

const promptOf = ({ bbox, point: [x, y] }: Candidate): Prompt => ({ box: bbox, points: [[x, y, 1]] });

/** Places of the masks that are asked again, in their order. */
function withinLimits(
  masks: readonly Candidate[],
  { image }: EverythingRequest,
  { focus }: VersionRef,
): number[] {
  const windows = new Set<string>();
  const out: number[] = [];
  for (const [at, mask] of masks.slice(0, mostCloser).entries()) {
    const { box, points } = promptOf(mask);
    const { views } = viewsOf({ box, points }, image.size, focus?.zoom ?? null);
    const own = new Set([...windows, ...views.map(({ region }) => region.join())]);
    if (own.size > mostWindows) continue;
    for (const one of own) windows.add(one);
    out.push(at);
  }
  return out;
}
