import type { Size } from "../imaging/types.ts";
import { elapsedMs, now, tenth } from "../lib/clock.ts";
import { AppError } from "../lib/errors.ts";
import { isPlain, plainFocus } from "../lib/focus.ts";
import type { DecodeResult, DecodeTask, IndexedPrompt, Wish } from "./decode-worker.ts";
import {
  answerLook,
  checkRegions,
  leastCached,
  type LookDeps,
  planLooks,
  type Times,
} from "./focused/answer.ts";
import { type DecoderGraph, graphFor, mostTokens } from "./graphs.ts";
import { inGroups, inLanes } from "./lanes.ts";
import { lazyLogits } from "./low-res.ts";
import type { PackedWeights } from "./packed-weights.ts";
import { promptTokens } from "./prompt-tokens.ts";
import { promptsPerTask } from "./together.ts";
import type { Embedded, PredictedMask, PredictRequest, PredictResult, VersionRef } from "./types.ts";

export interface PredictDeps extends Omit<LookDeps, "embed"> {
  readonly workers: number;
  /** Of the whole image. */
  embed(request: PredictRequest): Promise<Embedded>;
  embedRegion: LookDeps["embed"];
  weights(version: VersionRef, baseModel: string): Promise<PackedWeights>;
  decode(task: DecodeTask): Promise<DecodeResult>;
}

/** What a request needs done, in small pieces; each puts its masks where they belong. */
interface Work {
  readonly deps: PredictDeps;
  readonly request: PredictRequest;
  readonly size: Size;
  readonly times: Times;
  readonly froms: Embedded["from"][];
  /** By version and prompt, as the request has them. */
  readonly predictions: { masks: readonly PredictedMask[] }[][];
}

/**
 * Embedding and weights, then the prompts of every version in small tasks; the abort signal is looked at between.
 * Versions that see images as plain SAM does share one embedding of the whole image; the others encode the parts that
 * their prompts are about.
 */
export async function predict(deps: PredictDeps, request: PredictRequest): Promise<PredictResult> {
  const start = performance.now();
  const { signal, versions } = request;
  const plain = versions.filter(({ focus }) => isPlain(focus ?? plainFocus));
  // Only the whole image's embedding knows the image's size, unless the caller does.
  const whole = plain.length > 0 || !request.size ? await deps.embed(request) : null;
  const size = whole ? ([whole.embedding.height, whole.embedding.width] as const) : (request.size as Size);
  signal?.throwIfAborted();
  const work: Work = {
    deps,
    request,
    size,
    times: { queue: 0, embed: performance.now() - start, decode: 0, encode: 0 },
    froms: whole ? [whole.from] : [],
    predictions: versions.map(() => Array.from({ length: request.prompts.length })),
  };
  const batches = batchPrompts(deps.graphs, request, size);
  const plans = versions.map(({ focus }) =>
    focus && !isPlain(focus) ? planLooks(deps, request.prompts, size, focus) : null,
  );
  checkRegions(plans.flatMap((looks) => looks ?? []));
  const weights = await Promise.all(versions.map((version) => deps.weights(version, request.baseModel)));
  signal?.throwIfAborted();

  const tasks = versions.flatMap(({ focus }, version) => {
    const own = weights[version] as PackedWeights;
    const looks = plans[version];
    if (looks && focus) {
      return looks.map((plan, prompt) => () => {
        const asked = request.prompts[prompt] as PredictRequest["prompts"][number];
        return answerOne(work, { version, prompt, look: { prompt: asked, focus, weights: own, plan } });
      });
    }
    return batches.map((batch) => () => decodeBatch(work, { version, batch, weights: own, whole }));
  });
  await inLanes(tasks, deps.workers, async (task) => {
    signal?.throwIfAborted();
    await task();
  });
  signal?.throwIfAborted();
  const { times } = work;
  return {
    width: size[1],
    height: size[0],
    results: versions.map(({ number }, i) => ({ version: number, predictions: work.predictions[i] ?? [] })),
    embeddingFrom: leastCached(work.froms),
    timingMs: {
      queue: tenth(times.queue),
      embed: tenth(times.embed),
      decode: tenth(times.decode),
      encode: tenth(times.encode),
      total: elapsedMs(start),
    },
  };
}

/** One prompt of a version that looks closer. */
async function answerOne(
  { deps, request, size, times, froms, predictions }: Work,
  { version, prompt, look }: { version: number; prompt: number; look: Parameters<typeof answerLook>[2] },
): Promise<void> {
  const own: LookDeps = { ...deps, embed: deps.embedRegion };
  const { masks, from } = await answerLook(own, request, look, { size, times });
  froms.push(from);
  (predictions[version] as { masks: readonly PredictedMask[] }[])[prompt] = { masks };
}

/** Some prompts of a version that sees the whole image. */
async function decodeBatch(
  { deps, times, predictions }: Work,
  {
    version,
    batch,
    weights,
    whole,
  }: { version: number; batch: Batch; weights: PackedWeights; whole: Embedded | null },
): Promise<void> {
  if (!whole) throw new Error("the whole image was not embedded");
  const sentAt = now();
  const result = await deps.decode({
    graph: batch.graph,
    prompts: batch.prompts,
    threads: deps.threads,
    weights,
    embedding: whole.embedding,
  });
  times.queue += Math.max(0, result.startedAt - sentAt);
  times.decode += result.decodeMs;
  times.encode += result.encodeMs;
  for (const [i, { index }] of batch.prompts.entries()) {
    const { masks } = result.predictions[i] as DecodeResult["predictions"][number];
    (predictions[version] as unknown[])[index] = {
      masks: masks.map(({ lowRes, ...mask }) => (lowRes ? { ...mask, lowRes: lazyLogits(lowRes) } : mask)),
    };
  }
}

interface Batch {
  readonly graph: DecoderGraph;
  readonly prompts: readonly IndexedPrompt[];
}

/**
 * Prompts checked against the image and sorted into batches of one graph each: with and without a mask apart, and by
 * length, so that a short prompt does not pay for a long one.
 */
function batchPrompts(graphs: readonly DecoderGraph[], request: PredictRequest, size: Size): Batch[] {
  const wish: Wish = {
    multimask: request.multimask,
    format: request.format,
    polygonTolerance: request.polygonTolerance ?? 0,
    lowRes: request.lowRes ?? false,
  };
  const groups = new Map<DecoderGraph, IndexedPrompt[]>();
  for (const [index, prompt] of request.prompts.entries()) {
    try {
      const mask = prompt.mask !== undefined;
      const tokens = promptTokens(prompt, size, mostTokens(graphs, mask));
      const graph = graphFor(graphs, tokens.labels.length, mask);
      const group = groups.get(graph) ?? [];
      groups.set(graph, group);
      group.push({ index, tokens, mask: prompt.mask, wish });
    } catch (error) {
      throw error instanceof AppError ? error.within(`prompts[${index}]`) : error;
    }
  }
  return Array.from(groups).flatMap(([graph, prompts]) =>
    inGroups(prompts, promptsPerTask).map((group) => ({ graph, prompts: group })),
  );
}
