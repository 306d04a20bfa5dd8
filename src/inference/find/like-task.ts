import { fits } from "../../domain/model-family.ts";
import { likeBoxes, type LikeBox } from "../../imaging/finding/like-boxes.ts";
import {
  type Compared,
  compared,
  type Exemplar,
  joined,
  likeness,
  pooled,
} from "../../imaging/finding/likeness.ts";
import { maskFacts } from "../../imaging/mask-facts.ts";
import type { Box, RleMask } from "../../imaging/types.ts";
import { now } from "../../lib/clock.ts";
import type { ImageEmbedding } from "../types.ts";

/** Looks on one image for places that are like objects of others, or of the same. */
export interface LikeTask {
  /** The embedding of the whole image that is looked at. */
  readonly embedding: ImageEmbedding;
  /** The objects that are shown, each with the embedding of the whole image that it is on. */
  readonly shown: readonly { readonly of: ImageEmbedding; readonly mask: RleMask }[];
  /** Places at most. */
  readonly most: number;
}

export interface LikeResult {
  /** Milliseconds since the epoch when the worker took the task up. */
  readonly startedAt: number;
  readonly decodeMs: number;
  /** What is shown, taken together; null where no mask has a pixel. */
  readonly exemplar: Exemplar | null;
  /** Tight box round each mask. */
  readonly boxes: readonly Box[];
  readonly places: readonly LikeBox[];
}

const comparedImage = ({ family, data, width, height }: ImageEmbedding): Compared =>
  compared(data, [height, width], fits[family]);

export function lookForLike({ embedding, shown, most }: LikeTask): LikeResult {
  const startedAt = now();
  const there = comparedImage(embedding);
  const boxes: Box[] = [];
  const exemplars: Exemplar[] = [];
  for (const { of, mask } of shown) {
    const vector = pooled(mask, of === embedding ? there : comparedImage(of));
    const { area, box } = maskFacts(mask);
    boxes.push(box);
    if (vector) exemplars.push({ vector, area, sides: [box[2] - box[0], box[3] - box[1]] });
  }
  const exemplar = joined(exemplars);
  const places = exemplar ? likeBoxes(exemplar, there, most) : [];
  return { startedAt, decodeMs: now() - startedAt, exemplar, boxes, places };
}

/** How much each of some masks of an image is like an exemplar. */
export interface LikenessTask {
  readonly embedding: ImageEmbedding;
  readonly exemplar: Exemplar;
  readonly masks: readonly { readonly mask: RleMask; readonly area: number }[];
}

/** In the masks' order, in [0, 1]: see imaging/finding/likeness.ts. */
export function likenesses({ embedding, exemplar, masks }: LikenessTask): number[] {
  const image = comparedImage(embedding);
  return masks.map(({ mask, area }) => likeness(mask, area, exemplar, image));
}
