import { expect, it } from "vitest";
import { curveFoldsOf } from "../../../src/training/data/folds.ts";
import { groupKey } from "../../../src/training/data/split.ts";
import { manyRows, row, snapshotOf } from "../fixtures.ts";

const images = (count: number) => snapshotOf(manyRows(count)).images;

it("judges by other images in each fold, which it does not train on", () => {
  const folds = curveFoldsOf(images(40), groupKey, 0) ?? [];
  expect(folds.map(({ validation }) => validation.length)).toEqual([10, 10]);
  const judges = folds.flatMap(({ validation }) => validation);
  expect(new Set(judges).size).toBe(20);
  for (const { train, validation } of folds)
    for (const some of train) expect(some.filter((image) => validation.includes(image))).toEqual([]);
});

it("trains on a quarter, a half and all, each the beginning of the next", () => {
  for (const { train } of curveFoldsOf(images(40), groupKey, 0) ?? []) {
    expect(train.map((some) => some.length)).toEqual([8, 15, 30]);
    const [few, half, all] = train as [unknown[], unknown[], unknown[]];
    expect(all.slice(0, 15)).toEqual(half);
    expect(half.slice(0, 8)).toEqual(few);
  }
});

it("is bounded, whatever the project's size", () => {
  for (const { train, validation } of curveFoldsOf(images(400), groupKey, 0) ?? []) {
    expect(train.map((some) => some.length)).toEqual([12, 24, 48]);
    expect(validation).toHaveLength(16);
  }
});

it("never has a group on both sides", () => {
  const rows = Array.from({ length: 36 }, (_, i) => row(`${i}`, { group: `page ${i % 9}` }));
  for (const { train, validation } of curveFoldsOf(snapshotOf(rows).images, groupKey, 3) ?? []) {
    const judging = new Set(validation.map(groupKey));
    expect(train.at(-1)?.length).toBeGreaterThan(0);
    expect(train.at(-1)?.filter((image) => judging.has(groupKey(image)))).toEqual([]);
  }
});

it("is the same for the same seed, another for another", () => {
  const ids = (seed: number) =>
    (curveFoldsOf(images(20), groupKey, seed) ?? []).map(({ validation }) => validation.map(({ id }) => id));
  expect(ids(1)).toEqual(ids(1));
  expect(ids(1)).not.toEqual(ids(2));
});

it("needs four groups", () => {
  expect(curveFoldsOf(images(3), groupKey, 0)).toBeNull();
  const four = curveFoldsOf(images(4), groupKey, 0) ?? [];
  expect(four.map(({ validation, train }) => [validation.length, train.at(-1)?.length])).toEqual([
    [1, 3],
    [1, 3],
  ]);
});
