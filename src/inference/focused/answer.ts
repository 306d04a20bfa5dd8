import type { Box, RgbImage, Size } from "../../imaging/types.ts";
import { now } from "../../lib/clock.ts";
import { AppError } from "../../lib/errors.ts";
import type { Focus } from "../../lib/focus.ts";
import { type DecoderGraph, graphFor, mostTokens } from "../graphs.ts";
import type { PackedWeights } from "../packed-weights.ts";
import type { Embedded, PredictedMask, PredictRequest, Prompt } from "../types.ts";
import type { LookResult, LookTask } from "./look.ts";
import { ofPrompt } from "./of-prompt.ts";
import { planLook, type PlannedLook } from "./plan.ts";

/** Parts of images that one request may have encoded, each .6 s of two cores where none is cached. */
export const mostRegions = 64;

export interface LookDeps {
  readonly graphs: readonly DecoderGraph[];
  readonly threads: number;
  /** The embedding of one part of the request's image. */
  embed(request: PredictRequest, size: Size, region: Box): Promise<Embedded>;
  /** The request's image, decoded. */
  pixels(request: PredictRequest): Promise<RgbImage>;
  look(task: LookTask): Promise<LookResult>;
}

/** Milliseconds, summed over the parts of a request. */
export interface Times {
  queue: number;
  embed: number;
  decode: number;
  encode: number;
}

/** One prompt of one version. */
export interface Look {
  readonly prompt: Prompt;
  readonly focus: Focus;
  readonly weights: PackedWeights;
  readonly plan: PlannedLook;
}

/**
 * Every prompt of a request as a version with this focus sees it, in their order.
 * Throws what planLook throws, named by its prompt.
 */
export function planLooks(
  deps: Pick<LookDeps, "graphs">,
  prompts: readonly Prompt[],
  size: Size,
  focus: Focus,
): PlannedLook[] {
  return prompts.map((prompt, index) => {
    try {
      const most = mostTokens(deps.graphs, prompt.mask !== undefined);
      // Clicks say where an object is, not how large: it is found in one look before it is cut into tiles.
      const zoom = focus.zoom && inTwoSteps(prompt, focus) ? { ...focus.zoom, tiles: 1 } : focus.zoom;
      return planLook(prompt, size, zoom, most);
    } catch (error) {
      throw ofPrompt(error, index);
    }
  });
}

const inTwoSteps = (prompt: Prompt, { zoom }: Focus): boolean =>
  prompt.box === undefined && (prompt.points?.length ?? 0) > 0 && (zoom?.tiles ?? 1) > 1;

/** Throws AppError too_many_regions before any is encoded. */
export function checkRegions(plans: readonly PlannedLook[]): void {
  const regions = new Set(plans.flatMap(({ parts }) => parts.map(({ region }) => region.join())));
  if (regions.size <= mostRegions) return;
  throw new AppError(
    "too_many_regions",
    `These prompts look at ${regions.size} parts of the image, each of which is encoded by itself; ${mostRegions} are the most. Ask with fewer prompts.`,
    { param: "prompts" },
  );
}

/** The masks of one look, and where the least cached of its embeddings came from. */
export async function answerLook(
  deps: LookDeps,
  request: PredictRequest,
  look: Look,
  { size, times }: { size: Size; times: Times },
): Promise<{ masks: readonly PredictedMask[]; from: Embedded["from"] }> {
  const { prompt, focus } = look;
  const first = await run(deps, request, look, { size, times });
  const found = first.masks[0];
  if (!inTwoSteps(prompt, focus) || !found || found.area === 0) return first;
  // The mask's box takes the place that a caller's would have; the clicks stay.
  const boxed: Prompt = { ...prompt, box: found.bbox };
  const plan = planLook(boxed, size, focus.zoom, mostTokens(deps.graphs, prompt.mask !== undefined));
  const second = await run(deps, request, { ...look, plan }, { size, times });
  return { masks: second.masks, from: leastCached([first.from, second.from]) };
}

async function run(
  deps: LookDeps,
  request: PredictRequest,
  { prompt, focus, weights, plan }: Look,
  { size, times }: { size: Size; times: Times },
): Promise<{ masks: readonly PredictedMask[]; from: Embedded["from"] }> {
  const embedStart = now();
  const parts = [];
  const froms: Embedded["from"][] = [];
  for (const part of plan.parts) {
    request.signal?.throwIfAborted();
    const { embedding, from } = await deps.embed(request, size, part.region);
    parts.push({ ...part, embedding });
    froms.push(from);
  }
  const image = focus.refine && parts.length > 0 ? await deps.pixels(request) : null;
  const sentAt = now();
  const most = Math.max(0, ...parts.map(({ tokens }) => tokens.labels.length));
  const result = await deps.look({
    graph: graphFor(deps.graphs, most, prompt.mask !== undefined),
    threads: deps.threads,
    weights,
    size,
    window: plan.window,
    parts,
    mask: prompt.mask,
    sharpen: image && focus.refine ? { image, refine: focus.refine, box: prompt.box ?? null } : null,
    multimask: request.multimask,
    format: request.format,
    polygonTolerance: request.polygonTolerance ?? 0,
    lowRes: request.lowRes ?? false,
  });
  times.embed += sentAt - embedStart;
  times.queue += Math.max(0, result.startedAt - sentAt);
  times.decode += result.decodeMs;
  times.encode += result.encodeMs;
  return { masks: result.masks, from: leastCached(froms) };
}

const order: readonly Embedded["from"][] = ["memory", "store", "encoder"];

export const leastCached = (froms: readonly Embedded["from"][]): Embedded["from"] =>
  order[Math.max(0, ...froms.map((from) => order.indexOf(from)))] ?? "memory";
