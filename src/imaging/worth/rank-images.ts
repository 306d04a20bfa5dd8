import { meanLength, sameLayout, vectorLength } from "./image-vector.ts";

/** Images that wait for labels and those that have some, each vector behind the one before. */
export interface RankTask {
  readonly candidates: Float32Array;
  /** What a finder's doubt of each candidate is; null where it has not looked. */
  readonly doubts: readonly (number | null)[];
  readonly labelled: Float32Array;
  /** Places that are given at most. */
  readonly most: number;
}

export interface Ranked {
  /** Place among the candidates. */
  readonly at: number;
  /**
   * Distance to the nearest image that is labelled or stands before it; 1 is how far apart images mostly lie. Null for the
   * first where nothing is labelled: it lies nearest to the middle of all.
   */
  readonly distance: number | null;
  /** Doubt, by the highest among the candidates, in [0, 1]; null where it is not known. */
  readonly doubt: number | null;
  /** What shows the same: a candidate by its place, or something that is labelled (-1); null for none. */
  readonly duplicateOf: number | null;
}

/** Images that say how far apart images mostly lie. */
const mostReferences = 200;
/** The highest doubt counts as much as so much of that distance. */
const doubtShare = 0.5;

/**
 * The order in which images should be labelled: each time the one that lies farthest from what is labelled or stands before
 * it, and that the finder doubts. Source: the greedy k-centre choice of Sener and Savarese 2018, "Active Learning for
 * Convolutional Neural Networks: A Core-Set Approach", algorithm 1. Costs candidates x (labelled + most) distances.
 */
export function rankImages({ candidates, doubts, labelled, most }: RankTask): Ranked[] {
  const apart = typicalDistance(candidates);
  const nearest = new Float32Array(doubts.length).fill(Number.POSITIVE_INFINITY);
  const duplicateOf: (number | null)[] = doubts.map(() => null);
  for (let at = 0; at < labelled.length / vectorLength; at++) isThere(vectorAt(labelled, at), -1);
  const highest = Math.max(0, ...doubts.map((doubt) => doubt ?? 0));
  const unsure = doubts.map((doubt) => (doubt === null || highest === 0 ? doubt : doubt / highest));
  const left = new Set(doubts.keys());
  const ranked: Ranked[] = [];
  while (left.size > 0 && ranked.length < most) {
    const at = labelled.length === 0 && ranked.length === 0 ? middle(candidates) : farthest();
    const distance = (nearest[at] as number) / apart;
    ranked.push({
      at,
      distance: Number.isFinite(distance) ? Math.min(1, distance) : null,
      doubt: unsure[at] ?? null,
      duplicateOf: duplicateOf[at] ?? null,
    });
    left.delete(at);
    isThere(vectorAt(candidates, at), at);
  }
  return ranked;

  /** Takes in that an image is labelled, or stands before those that are left. */
  function isThere(vector: Float32Array, as: number): void {
    for (const [at, distance] of distancesTo(candidates, vector).entries()) {
      nearest[at] = Math.min(nearest[at] as number, distance);
      if (duplicateOf[at] === null && correlation(vectorAt(candidates, at), vector) > sameLayout)
        duplicateOf[at] = as;
    }
  }

  function farthest(): number {
    let [best, highestValue] = [-1, Number.NEGATIVE_INFINITY];
    for (const at of left) {
      // What is there already teaches nothing, however unsure of it a finder is.
      const value =
        duplicateOf[at] === null
          ? (nearest[at] as number) / apart + doubtShare * (unsure[at] ?? 0)
          : -1 / (1 + (nearest[at] as number));
      if (value > highestValue) [best, highestValue] = [at, value];
    }
    return best;
  }
}

const vectorAt = (vectors: Float32Array, at: number): Float32Array =>
  vectors.subarray(at * vectorLength, (at + 1) * vectorLength);

function distancesTo(vectors: Float32Array, to: Float32Array): Float32Array {
  const out = new Float32Array(vectors.length / vectorLength);
  for (let at = 0, start = 0; at < out.length; at++, start += vectorLength) {
    let sum = 0;
    for (let c = 0; c < meanLength; c++) {
      const difference = (vectors[start + c] as number) - (to[c] as number);
      sum += difference * difference;
    }
    out[at] = Math.sqrt(sum);
  }
  return out;
}

/** The middle distance of two images among some; 1 where all are the same. */
function typicalDistance(vectors: Float32Array): number {
  const count = vectors.length / vectorLength;
  const step = Math.max(1, count / mostReferences);
  const places = Array.from({ length: Math.min(count, mostReferences) }, (_, i) => Math.floor(i * step));
  const some = new Float32Array(places.length * vectorLength);
  for (const [i, at] of places.entries()) some.set(vectorAt(vectors, at), i * vectorLength);
  const all = places.flatMap((_, i) => [...distancesTo(some, vectorAt(some, i)).subarray(0, i)]);
  return all.sort((a, b) => a - b)[all.length >> 1] || 1;
}

/** The likeness of two images' layouts, in [-1, 1]. */
function correlation(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = meanLength; i < vectorLength; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** The image that lies nearest to the mean of all. */
function middle(vectors: Float32Array): number {
  const count = vectors.length / vectorLength;
  const mean = new Float32Array(vectorLength);
  for (let i = 0; i < vectors.length; i++)
    mean[i % vectorLength] = (mean[i % vectorLength] as number) + (vectors[i] as number) / count;
  const distances = distancesTo(vectors, mean);
  return distances.indexOf(Math.min(...distances));
}
