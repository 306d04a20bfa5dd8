import { describe, expect, it } from "vitest";
import type { Box } from "../../src/imaging/types.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import type { Sample } from "../../src/training/samples.ts";
import { foldsFor } from "../../src/training/search/folds.ts";
import { affordableTraining, trainedOn } from "../../src/training/thin.ts";

const side = 400;

/** A square in the middle of an image of its own, so small that tiles of its window are regions of their own. */
function sample(name: string): Sample {
  const box: Box = [150, 150, 250, 250];
  const data = Uint8Array.from({ length: side * side }, (_, i) => {
    const [x, y] = [i % side, Math.floor(i / side)];
    return x >= box[0] && x < box[2] && y >= box[1] && y < box[3] ? 1 : 0;
  });
  return {
    image: { id: name, sha256: name, bytes: 1, width: side, height: side, object_key: name, group: null },
    annotation: {
      id: name,
      image: name,
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
  heldOut: samples("test", 20),
  groupOf,
};
const tiles = { context: 1.5, tiles: 2, click_side: 100 };

describe("how many samples a budget lets a closer look train on", () => {
  it("are all where all can be encoded", () => {
    expect(affordableTraining(data, 1, 300)).toBe(80);
    expect(trainedOn(data, { ...tiles, tiles: 1 }, { budget: 300, seed: 0 })).toBe(data.train);
  });

  it("are what those that choose and are held out leave", () => {
    // .55 of 300 seconds at .62 an encode: 66 samples of 4 regions, 35 of which choose or are held out.
    expect(affordableTraining(data, 4, 300)).toBe(66 - 35);
    expect(affordableTraining({ ...data, selection: data.train }, 4, 300)).toBe(66 - 20);
  });

  it("are none where too few would be left", () => {
    expect(affordableTraining(data, 4, 250)).toBe(20);
    expect(affordableTraining(data, 4, 240)).toBe(0);
    expect(affordableTraining({ ...data, train: data.train.slice(0, 10) }, 4, 220)).toBe(10);
  });
});

describe("the samples that train through a zoom", () => {
  it("are the same every time, in their order, and first those that the search has encoded", () => {
    const some = trainedOn(data, tiles, { budget: 300, seed: 3 });
    expect(some).toHaveLength(31);
    expect(trainedOn(data, tiles, { budget: 300, seed: 3 })).toEqual(some);
    expect(some).toEqual(data.train.filter((one) => some.includes(one)));
    const folds = foldsFor([...data.train, ...data.selection], ({ image }) => groupOf(image), 3);
    const searched = data.train.filter((one) => folds?.parts.flat().includes(one));
    const known = some.filter((one) => searched.includes(one));
    expect(known).toHaveLength(Math.min(31, searched.length));
  });

  it("are all for plain SAM, and never fewer than a quarter", () => {
    expect(trainedOn(data, null, { budget: 10, seed: 0 })).toBe(data.train);
    expect(trainedOn(data, tiles, { budget: 10, seed: 0 })).toHaveLength(20);
  });
});
