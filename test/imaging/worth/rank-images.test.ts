import { describe, expect, it } from "vitest";
import { doubtOf } from "../../../src/imaging/worth/doubt.ts";
import {
  fromBytes,
  imageVector,
  meanLength,
  toBytes,
  vectorLength,
} from "../../../src/imaging/worth/image-vector.ts";
import { rankImages } from "../../../src/imaging/worth/rank-images.ts";

/** Images that differ in two numbers of their means; where they lie tells their layout, so near ones show the same. */
function vectorsAt(places: readonly (readonly [number, number])[]): Float32Array {
  const all = new Float32Array(places.length * vectorLength);
  for (const [i, place] of places.entries()) {
    all.set(place, i * vectorLength);
    all[i * vectorLength + meanLength + Math.round(place[0] * 2)] = 1;
  }
  return all;
}
const places = [
  [0, 0],
  [0.01, 0],
  [9, 0],
  [10, 0.5],
  [5, 5],
] as const;
const unknown = places.map(() => null);
const rank = (
  labelled: readonly (readonly [number, number])[],
  doubts: readonly (number | null)[] = unknown,
) => rankImages({ candidates: vectorsAt(places), doubts, labelled: vectorsAt(labelled), most: 9 });

describe("the order of images to label", () => {
  it("leaves what shows the same as another to the end, and says as which", () => {
    const ranked = rank([]);
    expect(new Set(ranked.map(({ at }) => at))).toEqual(new Set([0, 1, 2, 3, 4]));
    const last = ranked.at(-1)!;
    expect(new Set([last.at, last.duplicateOf])).toEqual(new Set([0, 1]));
    expect(ranked.filter(({ duplicateOf }) => duplicateOf !== null)).toHaveLength(1);
  });

  it("begins, where nothing is labelled, with the most ordinary one", () => {
    expect(rank([])[0]).toMatchObject({ at: 4, distance: null });
  });

  it("begins away from what is labelled", () => {
    const ranked = rank([[0, 0]]);
    expect(ranked[0]!.at).toBeGreaterThan(1);
    expect(ranked.slice(-2).map(({ at, duplicateOf }) => [at, duplicateOf])).toEqual([
      [1, -1],
      [0, -1],
    ]);
  });

  it("prefers, between two that teach as much, the one that is doubted", () => {
    const [first] = rank([[0, 0]], [null, null, 0, 3, 0]);
    expect(first).toMatchObject({ at: 3, doubt: 1 });
  });

  it("gives no more places than are asked for, and none to nothing", () => {
    expect(
      rankImages({ candidates: vectorsAt(places), doubts: unknown, labelled: vectorsAt([]), most: 2 }),
    ).toHaveLength(2);
    expect(rankImages({ candidates: vectorsAt([]), doubts: [], labelled: vectorsAt([]), most: 2 })).toEqual(
      [],
    );
  });
});

describe("what an image is known by", () => {
  it("is the mean of each channel over the image, not its padding", () => {
    const data = new Float32Array(64 * 64 * 256).fill(99);
    // 128 x 64 pixels fill the upper half of the frame: two halves of 1 and 3.
    for (let cell = 0; cell < 32 * 64; cell++)
      data.fill(cell % 2 === 0 ? 1 : 3, cell * 256, (cell + 1) * 256);
    const vector = imageVector({ data, width: 128, height: 64 });
    expect([...new Set(vector.subarray(0, meanLength))]).toEqual([2]);
    expect(fromBytes(toBytes(vector))).toEqual(vector);
    expect(fromBytes(new Uint8Array(8))).toBeNull();
  });

  it("is doubted where objects are neither sure nor noise", () => {
    expect(doubtOf([0.5, 0.5])).toBe(2);
    expect(doubtOf([1, 0.01])).toBe(0);
    expect(doubtOf([])).toBe(0);
  });
});
