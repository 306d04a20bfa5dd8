import { fits } from "../../domain/model-family.ts";
import { likeBoxes, type LikeBox } from "../../imaging/finding/like-boxes.ts";
import { type Compared, compared, type Exemplar, likeness, pooled } from "../../imaging/finding/likeness.ts";
import { maskFacts } from "../../imaging/mask-facts.ts";
import type { Box, RleMask } from "../../imaging/types.ts";
import { now } from "../../lib/clock.ts";
import type { ImageEmbedding } from "../types.ts";

/** Looks on one image for places that are like an object of another, or of the same. */
export interface LikeTask {
  /** The embedding of the whole image that is looked at. */
  readonly embedding: ImageEmbedding;
  /** The embedding of the whole image that the object is on. */
  readonly of: ImageEmbedding;
  readonly mask: RleMask;
  /** Places at most. */
  readonly most: number;
}

export interface LikeResult {
  /** Milliseconds since the epoch when the worker took the task up. */
  readonly startedAt: number;
  readonly decodeMs: number;
  /** Null where the mask has no pixel. */
  readonly exemplar: Exemplar | null;
  /** Tight box round the mask. */
  readonly box: Box;
  readonly places: readonly LikeBox[];
}

const comparedImage = ({ family, data, width, height }: ImageEmbedding): Compared =>
  compared(data, [height, width], fits[family]);

export function lookForLike({ embedding, of, mask, most }: LikeTask): LikeResult {
  const startedAt = now();
  const own = comparedImage(of);
  const there = embedding === of ? own : comparedImage(embedding);
  const vector = pooled(mask, own);
  const { area, box } = maskFacts(mask);
  const exemplar: Exemplar | null = vector && { vector, area, sides: [box[2] - box[0], box[3] - box[1]] };
  const places = exemplar ? likeBoxes(exemplar, there, most) : [];
  return { startedAt, decodeMs: now() - startedAt, exemplar, box, places };
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
