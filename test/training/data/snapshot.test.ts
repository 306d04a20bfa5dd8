import { describe, expect, it } from "vitest";
import { canonicalJson } from "../../../src/lib/hash.ts";
import { annotationsOf, buildSnapshot } from "../../../src/training/data/snapshot.ts";
import { manyRows, row, snapshotOf } from "../fixtures.ts";

describe("a snapshot", () => {
  it("is the same text whatever order its rows come in", () => {
    const rows = [...manyRows(6), row("0", { annotation: "ann_second", box: [1, 2, 3, 4] })];
    expect(canonicalJson(snapshotOf(rows.toReversed()))).toBe(canonicalJson(snapshotOf(rows)));
  });

  it("lists an image once, however many annotations it has", () => {
    const snapshot = snapshotOf([row("a"), row("a", { annotation: "ann_b", box: [1, 2, 3, 4] }), row("c")]);
    expect(snapshot.images).toHaveLength(2);
    expect(snapshot.annotations).toHaveLength(3);
    const a = snapshot.images.find((image) => image.id === "img_a");
    expect(annotationsOf(snapshot, a ? [a] : []).map(({ id }) => id)).toHaveLength(2);
  });

  it("orders images and masks by content, so that ids do not change what is trained", () => {
    const named = (prefix: string) =>
      buildSnapshot(
        { id: prefix, baseModel: "mobile_sam" },
        manyRows(9).map(({ image, annotation }, i) => ({
          image: { ...image, id: `${prefix}${(i * 7) % 9}` },
          annotation: { ...annotation, id: `${prefix}_${(i * 5) % 9}` },
        })),
      ).images.map((image) => image.sha256);
    expect(named("x")).toEqual(named("y"));
    expect(named("x")).toHaveLength(9);
  });
});
