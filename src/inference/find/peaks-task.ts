import type { Tensor } from "../../lib/onnxruntime.ts";
import type { Finder } from "../../domain/finder.ts";
import { fits } from "../../domain/model-family.ts";
import { gridCells } from "../../domain/finder-layout.ts";
import { pooledCells } from "../../imaging/finding/cells.ts";
import { type Peak, peaksOf } from "../../imaging/finding/peaks.ts";
import type { Box } from "../../imaging/types.ts";
import { doubtOf, faintestDoubt } from "../../imaging/worth/doubt.ts";
import { now } from "../../lib/clock.ts";
import type { PackedWeights } from "../decoder/packed-weights.ts";
import { fed } from "../decoder/tensors.ts";
import type { ImageEmbedding } from "../types.ts";
import { float32, sessionOf } from "../workers/session.ts";
import { isInside } from "./inside.ts";
import { namesOf } from "./names.ts";
import { labelScore, logitOf, lowestLogit } from "./scores.ts";
import { sameBox } from "./twins.ts";
import type { FindAsk, Named } from "./types.ts";

/** Looks for a version's objects on one image embedding. */
export interface FinderTask {
  readonly graph: string;
  readonly threads: number;
  readonly weights: PackedWeights;
  readonly finder: Pick<Finder, "labels" | "pool">;
  /** The whole image's. */
  readonly embedding: ImageEmbedding;
  /** Logit above which centres count. */
  readonly floor: number;
}

/** The same for some asks: a finder may see thousands of peaks, of which the server's own thread gets what is asked for. */
export interface PeaksTask extends FinderTask {
  readonly finder: Finder;
  readonly asks: readonly FindAsk[];
  /** Peaks of one ask at most, the best. */
  readonly most: number;
  /** Tight boxes of masks that are to be named, pixels of the image. */
  readonly boxes: readonly Box[];
}

export interface PeaksResult {
  /** Milliseconds since the epoch when the worker took the task up. */
  readonly startedAt: number;
  readonly decodeMs: number;
  /** All that any ask wants, the best first. */
  readonly peaks: readonly Peak[];
  /** For each ask, places among them, and how many more there are than `most`. */
  readonly asked: readonly { readonly places: readonly number[]; readonly left: number }[];
  /** In the order of `boxes`: see names.ts. */
  readonly names: readonly (Named | null)[];
  /** How unsure the finder is of the image, whatever was asked: see imaging/worth/doubt.ts. */
  readonly doubt: number;
}

/** All peaks, the best first. */
export async function findPeaks(task: FinderTask): Promise<Peak[]> {
  const { finder, embedding, floor } = task;
  const { pool, labels } = finder;
  const side = gridCells / pool;
  const session = await sessionOf(task.graph, task.threads);
  const cells = float32(pooledCells(embedding.data, pool), [1, side, side, 256]);
  const outputs = await session.run(fed(session.inputNames, task, { cells }));
  const values = (outputs["finds"] as Tensor).data as Float32Array;
  const size = [embedding.height, embedding.width] as const;
  return peaksOf(
    { values, labels: labels.length, pool, size, fit: fits[embedding.family] },
    { floor, overlap: sameBox },
  );
}

export async function askPeaks(task: PeaksTask): Promise<PeaksResult> {
  const startedAt = now();
  const { finder, floor, boxes } = task;
  // Fainter peaks than are asked for say what the finder is unsure of; they suppress none that is higher.
  const doubtful = Math.min(floor, logitOf(faintestDoubt, finder));
  const seen = await findPeaks({
    ...task,
    floor: boxes.length > 0 ? Math.min(doubtful, lowestLogit) : doubtful,
  });
  const doubt = doubtOf(seen.map(({ logit }) => labelScore(logit, finder)));
  const all = seen.filter(({ logit }) => logit > floor);
  const chosen = task.asks.map((ask) => {
    const own = all.filter((peak) => isAsked(peak, ask, task.finder));
    return { peaks: own.slice(0, task.most), left: Math.max(0, own.length - task.most) };
  });
  const wanted = new Set(chosen.flatMap(({ peaks }) => peaks));
  const peaks = all.filter((peak) => wanted.has(peak));
  const places = new Map(peaks.map((peak, at) => [peak, at]));
  const asked = chosen.map(({ peaks: own, left }) => ({
    places: own.map((peak) => places.get(peak) as number),
    left,
  }));
  const names = namesOf(
    seen.filter(({ logit }) => logit > lowestLogit),
    boxes,
    finder,
  );
  return { startedAt, decodeMs: now() - startedAt, peaks, asked, names, doubt };
}

const isAsked = ({ label, at }: Peak, ask: FindAsk, { labels }: FinderTask["finder"]): boolean =>
  (!ask.labels || ask.labels.includes(labels[label] as string | null)) && isInside(at, ask);
