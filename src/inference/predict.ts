import { elapsedMs, now, tenth } from "../lib/clock.ts";
import { AppError } from "../lib/errors.ts";
import type { DecodeResult, DecodeTask, IndexedPrompt } from "./decode-worker.ts";
import { type DecoderGraph, graphFor } from "./graphs.ts";
import { inGroups, inLanes } from "./lanes.ts";
import type { PackedWeights } from "./packed-weights.ts";
import { promptTokens } from "./prompt-tokens.ts";
import type { Embedded, PredictRequest, PredictResult, VersionRef } from "./types.ts";

/** Prompts of one worker task: bounds the memory of a run and lets other requests in between. */
const promptsPerTask = 4;

export interface PredictDeps {
  readonly graphs: readonly DecoderGraph[];
  readonly threads: number;
  readonly workers: number;
  embed(request: PredictRequest): Promise<Embedded>;
  weights(version: VersionRef, baseModel: string): Promise<PackedWeights>;
  decode(task: DecodeTask): Promise<DecodeResult>;
}

/** Embedding and weights, then the prompts of every version in small tasks; the abort signal is looked at between. */
export async function predict(deps: PredictDeps, request: PredictRequest): Promise<PredictResult> {
  const start = performance.now();
  const { signal } = request;
  const { embedding, from } = await deps.embed(request);
  const embedMs = performance.now() - start;
  signal?.throwIfAborted();
  const batches = batchPrompts(deps.graphs, request, embedding);
  const weights = await Promise.all(
    request.versions.map((version) => deps.weights(version, request.baseModel)),
  );
  signal?.throwIfAborted();

  const tasks = weights.flatMap((own, version) =>
    batches.map((batch) => ({
      version,
      batch,
      task: {
        graph: batch.graph,
        prompts: batch.prompts,
        threads: deps.threads,
        weights: own,
        embedding,
        multimask: request.multimask,
        format: request.format,
        polygonTolerance: request.polygonTolerance ?? 0,
        lowRes: request.lowRes ?? false,
      },
    })),
  );
  const predictions = request.versions.map(() =>
    Array.from<DecodeResult["predictions"][number]>({ length: request.prompts.length }),
  );
  const times = { queue: 0, decode: 0, encode: 0 };
  await inLanes(tasks, deps.workers, async ({ version, batch, task }) => {
    signal?.throwIfAborted();
    const sentAt = now();
    const result = await deps.decode(task);
    times.queue += Math.max(0, result.startedAt - sentAt);
    times.decode += result.decodeMs;
    times.encode += result.encodeMs;
    for (const [i, { index }] of batch.prompts.entries()) {
      (predictions[version] as unknown[])[index] = result.predictions[i];
    }
  });
  signal?.throwIfAborted();
  return {
    width: embedding.width,
    height: embedding.height,
    results: request.versions.map(({ number }, i) => ({
      version: number,
      predictions: predictions[i] ?? [],
    })),
    embeddingFrom: from,
    timingMs: {
      queue: tenth(times.queue),
      embed: tenth(embedMs),
      decode: tenth(times.decode),
      encode: tenth(times.encode),
      total: elapsedMs(start),
    },
  };
}

interface Batch {
  readonly graph: DecoderGraph;
  readonly prompts: readonly IndexedPrompt[];
}

/**
 * Prompts checked against the image and sorted into batches of one graph each: with and without a mask apart, and by
 * length, so that a short prompt does not pay for a long one.
 */
function batchPrompts(
  graphs: readonly DecoderGraph[],
  request: PredictRequest,
  image: { width: number; height: number },
): Batch[] {
  const size = [image.height, image.width] as const;
  const groups = new Map<DecoderGraph, IndexedPrompt[]>();
  for (const [index, prompt] of request.prompts.entries()) {
    try {
      const mask = prompt.mask !== undefined;
      const tokens = promptTokens(prompt, size, maxTokens(graphs, mask));
      const graph = graphFor(graphs, tokens.labels.length, mask);
      const group = groups.get(graph) ?? [];
      groups.set(graph, group);
      group.push({ index, tokens, mask: prompt.mask });
    } catch (error) {
      throw error instanceof AppError ? error.within(`prompts[${index}]`) : error;
    }
  }
  return Array.from(groups).flatMap(([graph, prompts]) =>
    inGroups(prompts, promptsPerTask).map((group) => ({ graph, prompts: group })),
  );
}

const maxTokens = (graphs: readonly DecoderGraph[], mask: boolean): number =>
  Math.max(0, ...graphs.filter((graph) => graph.mask === mask).map((graph) => graph.points));
