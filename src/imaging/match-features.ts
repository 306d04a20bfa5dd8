/** Which images show parts of one picture: features that many of them share, in one arrangement. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { type Features, levelStep, words } from "./local-features.ts";

/** Bits of 256 in which two descriptions of one place may differ. */
const mostBits = 52;
/** Features that agree in turn, scale and shift, at least. */
const leastTogether = 8;
/** Those are counted by cells of so many pixels: a text or a texture has many alike beside each other. */
const spreadCell = 12;
/** Pixels of the second image in which the shifts of one arrangement may differ. */
const shiftSlack = 8;
/** A description that so many places have tells nothing, as a letterhead's or a blank tile's. */
const mostSharers = 24;
/** Descriptions are compared where one of so many stretches of bits is alike. */
const tables = 12;
const tableBits = 20;
/** Some 100 MB while they are sorted; so many mean that most images have the same places, which tells nothing. */
const mostMatches = 4_000_000;

/** How one image lies in another: (x, y) of the first by `matrix`, then shifted, is a place of the second. */
export interface Placement {
  /** Cells with features that say so. */
  readonly matches: number;
  /** [[a, b], [c, d]], row by row: turn and scale together. */
  readonly matrix: readonly [number, number, number, number];
  readonly shift: readonly [number, number];
}

/**
 * Pairs of images that share an arrangement of features, i before j, in order. Images without features have none, and
 * none has any where so many features are alike that they tell nothing.
 */
export async function placements(
  all: readonly (Features | null)[],
): Promise<{ i: number; j: number; placement: Placement }[]> {
  const first = new Uint32Array(all.length + 1);
  for (const [i, one] of all.entries()) first[i + 1] = (first[i] as number) + (one?.count ?? 0);
  const total = first[all.length] as number;
  const imageOf = new Uint32Array(total);
  for (let i = 0; i < all.length; i++) imageOf.fill(i, first[i], first[i + 1]);
  const telling = await matchesOf(all, first, imageOf);
  const found: { i: number; j: number; placement: Placement }[] = [];
  for (let from = 0, to = 0; from < telling.length; from = to) {
    const i = imageOf[Math.floor((telling[from] as number) / total)] as number;
    for (; to < telling.length; to++) if (imageOf[Math.floor((telling[to] as number) / total)] !== i) break;
    const ofImage = Map.groupBy(telling.subarray(from, to), (match) => imageOf[match % total] as number);
    for (const [j, some] of [...ofImage].sort(([a], [b]) => a - b)) {
      const both = some.map((match): [number, number] => [
        Math.floor(match / total) - (first[i] as number),
        (match % total) - (first[j] as number),
      ]);
      const placement = arrangement(all[i] as Features, all[j] as Features, both);
      if (placement) found.push({ i, j, placement });
    }
    await nextTurn();
  }
  return found;
}

/**
 * Pairs of places that are alike and tell something, ascending: the first times the count of all, plus the second. Empty
 * where there are too many.
 */
async function matchesOf(
  all: readonly (Features | null)[],
  first: Uint32Array,
  imageOf: Uint32Array,
): Promise<Float64Array> {
  const total = imageOf.length;
  const sharers = new Uint16Array(total);
  const isLost = (place: number): boolean => (sharers[place] as number) > mostSharers;
  const matches: number[] = [];
  const crowded: Set<number>[] = [];
  for (let table = 0; table < tables; table++) {
    const keys = keysOf(all, first, table);
    const tooMany = new Set<number>();
    for (let from = 0; from < total;) {
      const key = Math.floor((keys[from] as number) / 2 ** 32);
      let to = from + 1;
      while (to < total && Math.floor((keys[to] as number) / 2 ** 32) === key) to++;
      if (to - from > 4 * mostSharers) tooMany.add(key);
      else
        for (let a = from; a < to; a++)
          for (let b = a + 1; b < to; b++) {
            const [p, q] = [(keys[a] as number) % 2 ** 32, (keys[b] as number) % 2 ** 32];
            if (isLost(p) && isLost(q)) continue;
            const [i, j] = [imageOf[p] as number, imageOf[q] as number];
            if (i === j) continue;
            const [one, other] = [all[i] as Features, all[j] as Features];
            const [f, g] = [p - (first[i] as number), q - (first[j] as number)];
            if (distance(one, f, other, g) > mostBits) continue;
            const isKnown = crowded.some((skipped, earlier) => {
              const stretch = stretchOf(one, f, earlier);
              return stretch === stretchOf(other, g, earlier) && !skipped.has(stretch);
            });
            if (isKnown) continue;
            sharers[p] = Math.min(65_535, (sharers[p] as number) + 1);
            sharers[q] = Math.min(65_535, (sharers[q] as number) + 1);
            // What would be left out at the end is not kept till then: a clip's frames have millions of these.
            if (!isLost(p) && !isLost(q)) matches.push(p * total + q);
          }
      if (matches.length > mostMatches) return new Float64Array();
      from = to;
    }
    crowded.push(tooMany);
    await nextTurn();
  }
  return Float64Array.from(matches)
    .sort()
    .filter((match) => !isLost(Math.floor(match / total)) && !isLost(match % total));
}

/** A stretch of every description's bits above its number, ascending. */
function keysOf(all: readonly (Features | null)[], first: Uint32Array, table: number): Float64Array {
  const keys = new Float64Array(first[all.length] as number);
  for (const [i, one] of all.entries()) {
    if (!one) continue;
    for (let f = 0; f < one.count; f++) {
      const place = (first[i] as number) + f;
      keys[place] = stretchOf(one, f, table) * 2 ** 32 + place;
    }
  }
  return keys.sort();
}

/** `tableBits` of a description's bits: those that one table compares. */
function stretchOf({ bits }: Features, f: number, table: number): number {
  const from = table * tableBits;
  const [word, bit] = [from >>> 5, from & 31];
  const low = (bits[f * words + word] as number) >>> bit;
  const high = bit + tableBits > 32 ? (bits[f * words + word + 1] as number) << (32 - bit) : 0;
  return (low | high) & (2 ** tableBits - 1);
}

function distance(a: Features, f: number, b: Features, g: number): number {
  let count = 0;
  for (let k = 0; k < words; k++) {
    let left = ((a.bits[f * words + k] as number) ^ (b.bits[g * words + k] as number)) >>> 0;
    left -= (left >>> 1) & 0x55555555;
    left = (left & 0x33333333) + ((left >>> 2) & 0x33333333);
    count += Math.imul((left + (left >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}

/** The turn and scale that most matches have, and the shift that most of those have. */
function arrangement(a: Features, b: Features, matches: readonly [number, number][]): Placement | null {
  const kinds = Map.groupBy(matches, ([f, g]) => {
    const steps = (b.level[g] as number) - (a.level[f] as number);
    return `${between(a.turn[f] as number, b.turn[g] as number).join(" ")} ${steps}`;
  });
  let best: Placement | null = null;
  for (const some of kinds.values()) {
    if (some.length < leastTogether) continue;
    const [f0, g0] = some[0] as [number, number];
    // A place that is described two levels up in the second image is twice as large there.
    const scale = levelStep ** ((b.level[g0] as number) - (a.level[f0] as number));
    const turn = between(a.turn[f0] as number, b.turn[g0] as number);
    const matrix = turn.map((value) => value * scale) as [number, number, number, number];
    const shifts = some.map(([f, g]): [number, number] => {
      const [x, y] = [a.x[f] as number, a.y[f] as number];
      return [
        (b.x[g] as number) - matrix[0] * x - matrix[1] * y,
        (b.y[g] as number) - matrix[2] * x - matrix[3] * y,
      ];
    });
    for (const [dx, dy] of shifts) {
      const near = some.flatMap((match, k) => {
        const [x, y] = shifts[k] as [number, number];
        return Math.abs(x - dx) <= shiftSlack && Math.abs(y - dy) <= shiftSlack ? [{ match, x, y }] : [];
      });
      const cellOf = (value: number): number => Math.floor(value / spreadCell);
      const cells = new Set(
        near.map(({ match: [f] }) => 1000 * cellOf(a.x[f] as number) + cellOf(a.y[f] as number)),
      );
      if (cells.size < leastTogether || cells.size <= (best?.matches ?? 0)) continue;
      const mean = (of: "x" | "y"): number => near.reduce((sum, one) => sum + one[of], 0) / near.length;
      best = { matches: cells.size, matrix, shift: [mean("x"), mean("y")] };
    }
  }
  return best;
}

/** The matrix that takes a place's surroundings upright, by its turn. */
function upright(turn: number): [number, number, number, number] {
  const [flipX, flipY] = [turn & 1 ? -1 : 1, turn & 2 ? -1 : 1];
  return turn & 4 ? [0, flipY, flipX, 0] : [flipX, 0, 0, flipY];
}

/** What takes a direction of the first image to one of the second: upright by the first's turn, then back by the second's. */
function between(first: number, second: number): [number, number, number, number] {
  const [a, b, c, d] = upright(first);
  // Such a matrix's inverse is its transpose.
  const [e, f, g, h] = upright(second);
  const product = [e * a + g * c, e * b + g * d, f * a + h * c, f * b + h * d];
  return product.map((value) => (value === 0 ? 0 : value)) as [number, number, number, number];
}
