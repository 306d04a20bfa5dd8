import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RgbImage } from "../../../src/imaging/types.ts";
import { sha256 } from "../../../src/lib/hash.ts";
import { seededRandom } from "../../../src/lib/random.ts";
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

  it("are turned, mirrored and cut copies too, overlapping tiles and frames, but no other picture of the kind", async () => {
    const scene = signs(360, 240, 1);
    const part = (left: number, width: number) =>
      asSharp(scene).extract({ left, top: 0, width, height: 240 }).png().toBuffer();
    const moved = signs(360, 240, 1, 4);
    const snapshot = snapshotOf([
      await stored("scene", await asPng(scene)),
      await stored("turned", await asSharp(scene).rotate(90).jpeg({ quality: 75 }).toBuffer()),
      await stored("mirrored", await asSharp(scene).flop().png().toBuffer()),
      await stored("left tile", await part(0, 220)),
      await stored("right tile", await part(140, 220)),
      await stored("next frame", await asPng(moved)),
      await stored("other 1", await asPng(signs(360, 240, 2))),
      await stored("other 2", await asPng(signs(360, 240, 3))),
      ...(await Promise.all(
        Array.from({ length: 8 }, async (_, i) =>
          stored(`filler ${i}`, await asPng(signs(200, 140, 10 + i))),
        ),
      )),
    ]);
    const { groupOf, together } = await groupNearDuplicates(storage.store, snapshot.images);
    const groups = Map.groupBy(snapshot.images, groupOf);
    expect(Math.max(...[...groups.values()].map((some) => some.length))).toBe(6);
    expect(groups.size).toBe(11);
    const ids = ["left tile", "mirrored", "next frame", "right tile", "scene", "turned"].map(
      (name) => `img_${name}`,
    );
    expect(together.map(({ by, ids: found }) => [by, found.toSorted()])).toEqual([["part", ids]]);
  });

  it("are copies alone where nearly all images share parts, as forms do", async () => {
    const forms = await Promise.all(
      [1, 2, 3, 4, 5].map(async (i) => stored(`form ${i}`, await asPng(signs(300, 200, 50, 20 * i)))),
    );
    const snapshot = snapshotOf(forms);
    const { together } = await groupNearDuplicates(storage.store, snapshot.images);
    expect(together.filter(({ by }) => by === "part")).toEqual([]);
  });
});

/** Rectangles of all greys, as on a busy scene; `moved` shifts a third of them by so many pixels. */
function signs(width: number, height: number, seed: number, moved = 0): RgbImage {
  const random = seededRandom(seed);
  const data = new Uint8Array(width * height * 3).fill(128);
  for (let k = 0; k < 90; k++) {
    const [w, h] = [8 + random.below(40), 8 + random.below(40)];
    const [left, top] = [random.below(width) - 10 + (k % 3 === 0 ? moved : 0), random.below(height) - 10];
    const grey = random.below(256);
    for (let y = Math.max(0, top); y < Math.min(height, top + h); y++)
      for (let x = Math.max(0, left); x < Math.min(width, left + w); x++)
        data.fill(grey, 3 * (y * width + x), 3 * (y * width + x) + 3);
  }
  return { width, height, data };
}
