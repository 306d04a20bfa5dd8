import { describe, expect, it } from "vitest";
import type { AnnotationLineage } from "../../../src/domain/feedback.ts";
import type { LoggedPrompt } from "../../../src/domain/prompts.ts";
import { type Split, splitSnapshot } from "../../../src/training/data/split.ts";
import { manyRows, row, snapshotOf } from "../fixtures.ts";

const ids = (images: readonly { id: string }[]): string[] => images.map((image) => image.id);
const all = (split: Split): string[] =>
  [...ids(split.train), ...ids(split.selection), ...ids(split.heldOut)].sort();
const sizes = (split: Split | null): number[] =>
  split ? [split.train.length, split.selection.length, split.heldOut.length] : [];

describe("the split of a snapshot", () => {
  it("gives every image to one set, about 60 : 15 : 25", () => {
    const snapshot = snapshotOf(manyRows(40));
    const split = splitSnapshot(snapshot, 0) as Split;
    expect(sizes(split)).toEqual([24, 6, 10]);
    expect(all(split)).toEqual(ids(snapshot.images).sort());
  });

  it.each([
    [2, [1, 0, 1]],
    [3, [2, 0, 1]],
    [7, [5, 0, 2]],
    [8, [5, 1, 2]],
    [12, [7, 2, 3]],
  ])("holds one out and trains on one, however few there are: %i images", (count, expected) => {
    expect(sizes(splitSnapshot(snapshotOf(manyRows(count)), 0))).toEqual(expected);
  });

  it("keeps the user's own parts, and a group with its test image", () => {
    const rows = [
      ...Array.from({ length: 10 }, (_, i) => row(`train ${i}`, { part: "train" })),
      row("val", { part: "val" }),
      row("test", { part: "test", group: "page" }),
      row("beside", { part: "train", group: "page" }),
      row("other"),
    ];
    for (const seed of [0, 1, 2]) {
      const split = splitSnapshot(snapshotOf(rows), seed) as Split;
      expect(ids(split.heldOut).toSorted()).toEqual(["img_beside", "img_test"]);
      expect(ids(split.selection)).toEqual(["img_val"]);
      expect(split.train).toHaveLength(11);
    }
    const without = rows.filter(({ image }) => image.part !== "val");
    expect(sizes(splitSnapshot(snapshotOf(without), 0))).toEqual([9, 2, 2]);
    // Parts without a test part are the split's to choose.
    const noTest = Array.from({ length: 12 }, (_, i) => row(`${i}`, { part: i < 6 ? "train" : "val" }));
    expect(sizes(splitSnapshot(snapshotOf(noTest), 0))).toEqual([7, 2, 3]);
  });

  it("never parts a group", () => {
    const rows = Array.from({ length: 36 }, (_, i) => row(`${i}`, { group: `page ${i % 11}` }));
    for (let seed = 0; seed < 20; seed++) {
      const split = splitSnapshot(snapshotOf(rows), seed) as Split;
      const groups = [split.train, split.selection, split.heldOut].map(
        (images) => new Set(images.map((image) => image.group)),
      );
      const together = new Set(groups.flatMap((set) => [...set]));
      expect(groups.reduce((sum, set) => sum + set.size, 0)).toBe(together.size);
      expect(all(split)).toHaveLength(36);
    }
  });

  it("keeps a group that is most of the data in training", () => {
    const rows = [
      ...Array.from({ length: 20 }, (_, i) => row(`big ${i}`, { group: "big" })),
      row("a"),
      row("b"),
      row("c"),
    ];
    for (let seed = 0; seed < 10; seed++) {
      const split = splitSnapshot(snapshotOf(rows), seed) as Split;
      expect(split.train.filter((image) => image.group === "big")).toHaveLength(20);
      expect(split.heldOut.length).toBeGreaterThan(0);
    }
  });

  it("has nothing to split in one group", () => {
    expect(splitSnapshot(snapshotOf([row("a", { group: "g" }), row("b", { group: "g" })]), 0)).toBeNull();
    expect(splitSnapshot(snapshotOf([row("a")]), 0)).toBeNull();
  });

  it("depends on the seed, and not on ids or the order in which images came", () => {
    const rows = manyRows(40);
    const renamed = rows
      .map(({ image, annotation }, i) => ({ image: { ...image, id: `img_other_${99 - i}` }, annotation }))
      .toReversed();
    const hashes = (split: Split | null): string[] => (split?.heldOut ?? []).map((image) => image.sha256);
    expect(hashes(splitSnapshot(snapshotOf(renamed), 5))).toEqual(hashes(splitSnapshot(snapshotOf(rows), 5)));
    expect(hashes(splitSnapshot(snapshotOf(rows), 6))).not.toEqual(
      hashes(splitSnapshot(snapshotOf(rows), 5)),
    );
  });

  it("moves few images when new ones come", () => {
    const before = splitSnapshot(snapshotOf(manyRows(80)), 0) as Split;
    const after = splitSnapshot(snapshotOf(manyRows(88)), 0) as Split;
    const heldOutNow = new Set(ids(after.heldOut));
    const moved = ids(before.train).filter((id) => heldOutNow.has(id));
    expect(before.train).toHaveLength(48);
    expect(moved.length).toBeLessThanOrEqual(3);
  });
});

describe("images that versions have labelled", () => {
  const marked = (name: string, lineage: AnnotationLineage, options: Parameters<typeof row>[1] = {}) => {
    const made = row(name, options);
    return { ...made, annotation: { ...made.annotation, lineage } };
  };
  const proposal = (action: "accept" | "correct"): AnnotationLineage => ({
    action,
    proposalId: "prp_1",
    version: 1,
    prompt: {},
  });
  const feedback = (action: "accept" | "correct", prompt: LoggedPrompt = {}): AnnotationLineage => ({
    action,
    predictionId: "pred_1",
    version: 1,
    prompt,
  });
  const drawn = manyRows(12);
  const apart = splitSnapshot(snapshotOf(drawn), 0) as Split;

  it.each([
    ["proposals", proposal("accept")],
    ["corrected proposals", proposal("correct")],
    ["accepted predictions", feedback("accept")],
    ["corrected finds", feedback("correct", { find: true })],
  ])("only train, and move no other image: %s", (_, lineage) => {
    const found = Array.from({ length: 30 }, (_none, i) => marked(`found ${i}`, lineage));
    for (const seed of [0, 1, 2]) {
      const before = splitSnapshot(snapshotOf(drawn), seed) as Split;
      const split = splitSnapshot(snapshotOf([...drawn, ...found]), seed) as Split;
      expect([ids(split.heldOut), ids(split.selection)]).toEqual([
        ids(before.heldOut),
        ids(before.selection),
      ]);
      expect(split.train).toHaveLength(before.train.length + 30);
    }
  });

  it("judge once somebody has drawn on them, or corrected a prediction", () => {
    const rows = Array.from({ length: 12 }, (_, i) => [
      marked(`${i}`, proposal("accept"), { annotation: `ann_found_${i}` }),
      i % 2 === 0 ? row(`${i}`) : marked(`${i}`, feedback("correct")),
    ]).flat();
    expect(sizes(splitSnapshot(snapshotOf(rows), 0))).toEqual(sizes(apart));
  });

  it("are in no set where others of their group judge, or the user wants them to", () => {
    const pages = drawn.map((one, i) => ({ ...one, image: { ...one.image, splitGroup: `page ${i}` } }));
    const found = pages.map((_, i) => marked(`found ${i}`, proposal("accept"), { group: `page ${i}` }));
    const split = splitSnapshot(snapshotOf([...pages, ...found]), 0) as Split;
    expect(sizes(split)).toEqual([14, 2, 3]);
    const judged = new Set([...split.heldOut, ...split.selection].map(({ group }) => group));
    expect(split.train.filter(({ group }) => judged.has(group))).toEqual([]);
    const wished = [...drawn, marked("kept", proposal("accept"), { part: "test" })];
    expect(all(splitSnapshot(snapshotOf(wished), 0) as Split)).toHaveLength(12);
  });

  it("can't judge by themselves where they are proposals; predictions must, where nothing else is there", () => {
    const alone = (lineage: AnnotationLineage) =>
      splitSnapshot(snapshotOf(Array.from({ length: 12 }, (_, i) => marked(`${i}`, lineage))), 0);
    expect(alone(proposal("accept"))).toBeNull();
    expect(alone(proposal("correct"))).toBeNull();
    expect(sizes(alone(feedback("accept")))).toEqual(sizes(apart));
  });
});
