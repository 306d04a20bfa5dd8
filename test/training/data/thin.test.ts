import { describe, expect, it } from "vitest";
import type { Box } from "../../../src/imaging/types.ts";
import { encodeRle } from "../../../src/imaging/rle.ts";
import { regionNames } from "../../../src/training/focus/parts.ts";
import type { Sample } from "../../../src/training/data/samples.ts";
import { costs } from "../../../src/training/search/costs.ts";
import { foldsFor } from "../../../src/training/data/folds.ts";
import { encodable } from "../../../src/training/data/thin.ts";

const side = 400;

/** A square, by default so small that tiles of its window are regions of their own. */
function sample(name: string, { image = name, box = [150, 150, 250, 250] as Box } = {}): Sample {
  const data = Uint8Array.from({ length: side * side }, (_, i) => {
    const [x, y] = [i % side, Math.floor(i / side)];
    return x >= box[0] && x < box[2] && y >= box[1] && y < box[3] ? 1 : 0;
  });
  return {
    image: { id: image, sha256: image, bytes: 1, width: side, height: side, object_key: image, group: null },
    annotation: {
      id: name,
      image,
      counts: encodeRle({ width: side, height: side, data }).counts,
      box,
      label: null,
    },
  };
}

const samples = (name: string, count: number): Sample[] =>
  Array.from({ length: count }, (_, i) => sample(`${name}${i}`));
const groupOf = ({ id }: { id: string }): string => id;
const data = {
  train: samples("train", 80),
  selection: samples("selection", 15),
  heldOut: samples("test", 40),
  groupOf,
};
const window = { context: 1.5, tiles: 1, click_side: 100 };
const tiles = { ...window, tiles: 2 };
const limits = (budget: number, seed = 0) => ({ budget, seed });
/** Regions of the samples, each once. */
const regions = (some: readonly Sample[], zoom: typeof tiles): number =>
  new Set(some.flatMap((one) => regionNames(one, zoom))).size;

describe("what a budget lets a closer look see", () => {
  it("is all where all can be encoded, and for plain SAM", () => {
    for (const seen of [encodable(data, window, limits(300)), encodable(data, null, limits(10))]) {
      expect(seen.train).toBe(data.train);
      expect(seen.selection).toBe(data.selection);
      expect(seen.heldOut).toBe(data.heldOut);
      expect(seen).toMatchObject({ learnt: 80, worthIt: true });
    }
  });

  it("is some of what judges and, of what trains, what the rest of the budget encodes", () => {
    const seen = encodable(data, tiles, limits(300));
    expect([seen.heldOut.length, seen.selection.length]).toEqual([24, 12]);
    const encodes = Math.floor((300 * 0.55) / costs.encode);
    const judging = regions([...seen.heldOut, ...seen.selection], tiles);
    expect(judging).toBe(36 * 4);
    // Four tiles, and the window round them.
    expect(seen.train.length).toBe(Math.floor((encodes - judging) / 5));
    expect(seen).toMatchObject({ learnt: seen.train.length, worthIt: true, nearby: data.train });
  });

  it("is not worth it where too few would train", () => {
    expect(encodable(data, tiles, limits(270)).worthIt).toBe(false);
    expect(encodable({ ...data, train: data.train.slice(0, 16) }, tiles, limits(270)).worthIt).toBe(true);
    expect(encodable(data, tiles, limits(20)).train.length).toBe(16);
  });

  it("is the same every time, in its order, and trains first on what the search has encoded", () => {
    const { train } = encodable(data, tiles, limits(300, 3));
    expect(encodable(data, tiles, limits(300, 3)).train).toEqual(train);
    expect(train).toEqual(data.train.filter((one) => train.includes(one)));
    const folds = foldsFor([...data.train, ...data.selection], ({ image }) => groupOf(image), 3);
    const searched = data.train.filter((one) => folds?.parts.flat().includes(one));
    const known = train.filter((one) => searched.includes(one));
    expect(known).toHaveLength(Math.min(train.length, searched.length));
  });

  it("is judged by the same whatever the seed, and by every group before any a second time", () => {
    const crowded = {
      ...data,
      heldOut: data.heldOut.map((one, i) => (i < 30 ? { ...one, image: { ...one.image, group: "a" } } : one)),
      groupOf: ({ id, group }: { id: string; group: string | null }) => group ?? id,
    };
    const [one, other] = [1, 2].map((seed) => encodable(crowded, tiles, limits(300, seed)));
    expect(one?.heldOut).toEqual(other?.heldOut);
    const groups = new Set(one?.heldOut.map(({ image }) => crowded.groupOf(image)));
    expect(groups.size).toBe(11);
  });

  it("where the same samples train and choose, has all of them choose", () => {
    const few = { ...data, train: data.train.slice(0, 12), selection: data.train.slice(0, 12) };
    expect(encodable(few, tiles, limits(300)).selection).toBe(few.selection);
  });
});

describe("objects that stand close together", () => {
  const shared = { context: 5, tiles: 1, click_side: 100, raster: 0.5 };
  // A grid of 100 small squares on each of 12 images.
  const crowd = (name: string, images: number): Sample[] =>
    Array.from({ length: images }, (__, i) =>
      Array.from({ length: 100 }, (_, k) => {
        const [x, y] = [20 + 37 * (k % 10), 20 + 37 * Math.floor(k / 10)];
        return sample(`${name}${i}-${k}`, { image: `${name}${i}`, box: [x, y, x + 20, y + 20] });
      }),
    ).flat();
  const many = {
    train: crowd("train", 3),
    selection: crowd("selection", 1),
    heldOut: crowd("test", 1),
    groupOf,
  };

  it("share windows, so that a few of them show all that trains", () => {
    const seen = encodable(many, shared, limits(300));
    expect(regions(seen.train, shared)).toBeLessThan(60);
    expect(seen.learnt).toBeGreaterThan(290);
    expect(regions(many.heldOut, shared)).toBeLessThan(40);
  });
});
