import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sha256 } from "../../../src/lib/hash.ts";
import { groupNearDuplicates } from "../../../src/training/data/near-duplicates.ts";
import type { SnapshotImage } from "../../../src/training/data/snapshot.ts";
import { groupKey, type Split, splitSnapshot } from "../../../src/training/data/split.ts";
import { asPng, asSharp, noiseImage } from "../../worlds/images.ts";
import { localTestStore } from "../../helpers/objects.ts";
import { row, snapshotOf } from "../fixtures.ts";

let storage: Awaited<ReturnType<typeof localTestStore>>;
beforeAll(async () => {
  storage = await localTestStore();
});
afterAll(() => storage?.close());

/** A row whose image has these bytes. */
async function stored(name: string, bytes: Buffer, group?: string) {
  const { image, annotation } = row(name, group === undefined ? {} : { group });
  const objectKey = `images/${sha256(bytes)}`;
  await storage.store.put(objectKey, bytes);
  return { image: { ...image, sha256: sha256(bytes), objectKey }, annotation };
}

describe("near-duplicates", () => {
  it("share one group, through others too, and the rest keep theirs", async () => {
    const picture = noiseImage(200, 150, 1);
    const snapshot = snapshotOf([
      await stored("original", await asPng(picture)),
      await stored("jpeg", await asSharp(picture).jpeg({ quality: 70 }).toBuffer(), "scans"),
      await stored("smaller", await asSharp(picture).resize(120, 90).png().toBuffer()),
      await stored("of the same scans", await asPng(noiseImage(200, 150, 2)), "scans"),
      await stored("another", await asPng(noiseImage(200, 150, 3))),
      await stored("no image at all", Buffer.from("no image at all")),
    ]);
    const { groupOf, nearDuplicates } = await groupNearDuplicates(storage.store, snapshot.images);
    const of = (name: string): string =>
      groupOf(snapshot.images.find(({ id }) => id === `img_${name}`) as SnapshotImage);
    expect(nearDuplicates).toBe(3);
    expect(new Set(["original", "jpeg", "smaller", "of the same scans"].map(of)).size).toBe(1);
    expect(new Set(["original", "another", "no image at all"].map(of)).size).toBe(3);
    for (const name of ["another", "no image at all"]) {
      expect(of(name)).toBe(
        groupKey(snapshot.images.find(({ id }) => id === `img_${name}`) as SnapshotImage),
      );
    }
  });

  it("never stand on two sides of the split", async () => {
    const rows = [];
    for (let i = 0; i < 12; i++) {
      const picture = noiseImage(80, 60, 100 + i);
      rows.push(await stored(`${i}`, await asPng(picture)));
      rows.push(await stored(`${i} again`, await asSharp(picture).jpeg({ quality: 75 }).toBuffer()));
    }
    const snapshot = snapshotOf(rows);
    const { groupOf, nearDuplicates } = await groupNearDuplicates(storage.store, snapshot.images);
    expect(nearDuplicates).toBe(24);
    let parted = 0;
    for (let seed = 0; seed < 10; seed++) {
      const sets = ({ train, selection, heldOut }: Split) =>
        [train, selection, heldOut].map(
          (images) => new Set(images.map(({ id }) => id.replace(" again", ""))),
        );
      const pictures = (split: Split): number => sets(split).reduce((sum, set) => sum + set.size, 0);
      expect(pictures(splitSnapshot(snapshot, seed, groupOf) as Split)).toBe(12);
      if (pictures(splitSnapshot(snapshot, seed) as Split) > 12) parted++;
    }
    expect(parted).toBe(10);
  });
});
