import type { Tensor } from "../../lib/onnxruntime.ts";
import type { Finder } from "../../domain/finder.ts";
import { gridCells } from "../../domain/finder-layout.ts";
import { pooledCells } from "../../imaging/finding/cells.ts";
import { type Peak, peaksOf } from "../../imaging/finding/peaks.ts";
import { now } from "../../lib/clock.ts";
import type { PackedWeights } from "../decoder/packed-weights.ts";
import { fed } from "../decoder/tensors.ts";
import type { ImageEmbedding } from "../types.ts";
import { float32, sessionOf } from "../workers/session.ts";

/** Looks for a version's objects on one image embedding. */
export interface PeaksTask {
  readonly graph: string;
  readonly threads: number;
  readonly weights: PackedWeights;
  readonly finder: Pick<Finder, "labels" | "pool">;
  /** Of the whole image. */
  readonly embedding: ImageEmbedding;
  /** Logit above which centres count. */
  readonly floor: number;
}

export interface PeaksResult {
  /** Milliseconds since the epoch when the worker took the task up. */
  readonly startedAt: number;
  readonly decodeMs: number;
  readonly peaks: readonly Peak[];
}

/** Two boxes of one object overlap by more (IoU). */
const twins = 0.5;

export async function findPeaks(task: PeaksTask): Promise<PeaksResult> {
  const startedAt = now();
  const { finder, embedding, floor } = task;
  const { pool, labels } = finder;
  const side = gridCells / pool;
  const session = await sessionOf(task.graph, task.threads);
  const cells = float32(pooledCells(embedding.data, pool), [1, side, side, 256]);
  const outputs = await session.run(fed(session.inputNames, task, { cells }));
  const values = (outputs["finds"] as Tensor).data as Float32Array;
  const size = [embedding.height, embedding.width] as const;
  const peaks = peaksOf({ values, labels: labels.length, pool, size }, { floor, overlap: twins });
  return { startedAt, decodeMs: now() - startedAt, peaks };
}
