import { describe, expect, it } from "vitest";
import { headSamples } from "../../../src/training/points/head-samples.ts";
import type { Sample } from "../../../src/training/data/samples.ts";

/** One object of 30 pixels on an image of its own, `side` pixels across. */
const sampleOn = (id: string, side: number): Sample => ({
  image: { id, sha256: id, bytes: 1, width: side, height: side, object_key: id, group: null },
  annotation: { id: `ann_${id}`, image: id, counts: "", box: [50, 50, 80, 80], label: null },
});
const many = (name: string, count: number, side: number): Sample[] =>
  Array.from({ length: count }, (_, i) => sampleOn(`${name}_${i}`, side));
const groupOf = ({ id }: { id: string }): string => id;

describe("what a point head is trained on and judged by", () => {
  it("is some of what only chooses the epoch, then what trains, each once", () => {
    const [selection, train] = [many("choose", 150, 200), many("train", 400, 200)];
    const chosen = headSamples({ selection, train, nearby: train, groupOf }, null);
    expect(chosen).toHaveLength(400);
    expect(new Set(chosen).size).toBe(400);
    expect(chosen.filter((sample) => selection.includes(sample))).toHaveLength(100);
    const both = headSamples({ selection: train, train, nearby: train, groupOf }, null);
    expect(new Set(both).size).toBe(both.length);
  });

  it("is also what lies in windows that are encoded for others, and nothing that would be encoded for it", () => {
    const zoom = { context: 5, tiles: 1, click_side: 150, raster: 0.5 };
    const train = many("train", 1, 1000);
    const [own] = train as [Sample];
    const at = (id: string, x: number): Sample => ({
      image: own.image,
      annotation: { ...own.annotation, id, box: [x, 50, x + 30, 80] },
    });
    const [close, far] = [at("close", 56), at("far", 700)];
    const chosen = headSamples({ selection: train, train, nearby: [own, close, far], groupOf }, zoom);
    expect(chosen).toEqual([own, close]);
  });

  it("is fewer where windows are large, but never a handful", () => {
    const [selection, train] = [many("choose", 20, 4000), many("train", 100, 4000)];
    expect(headSamples({ selection, train, nearby: train, groupOf }, null)).toHaveLength(24);
    // Looked at closer, the same objects cost next to nothing.
    const zoom = { context: 2.5, tiles: 1, click_side: 75 };
    expect(headSamples({ selection, train, nearby: train, groupOf }, zoom)).toHaveLength(120);
  });
});
