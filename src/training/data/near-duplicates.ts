import { setImmediate as nextTurn } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { type Look, lookAlike, lookOf } from "../../imaging/look-alike.ts";
import type { ObjectStore } from "../../storage/store.ts";
import type { SnapshotImage } from "./snapshot.ts";
import { groupKey } from "./split.ts";

/** Images read at a time. */
const readers = 4;

/** Looks by the hash of the bytes, a good kilobyte each, so that the next fine-tune need not read the images again. */
const kept = new LRUCache<string, Look>({ max: 20_000 });

/** How images stand together once near-duplicates share a group. */
export interface Grouping {
  readonly groupOf: (image: SnapshotImage) => string;
  /** Images that look like one of another group. */
  readonly nearDuplicates: number;
  /** Their ids, those that stand together in one list; lists and ids in the order of the images. */
  readonly copies: readonly (readonly string[])[];
}

/**
 * Joins the groups of images that are copies of one another to the eye: a copy on the other side of the split would let
 * a version be judged by what it has learnt. A joined group has its least key, so it depends on content alone.
 * Images that can't be read join nothing; whoever embeds them says what is wrong.
 */
export async function groupNearDuplicates(
  store: ObjectStore,
  images: readonly SnapshotImage[],
): Promise<Grouping> {
  const looks: (Look | null)[] = [];
  for (let from = 0; from < images.length; from += readers) {
    const some = images.slice(from, from + readers);
    looks.push(...(await Promise.all(some.map(async (image) => lookOfStored(store, image)))));
  }
  const keys = images.map(groupKey);
  const joined = new Map<string, string>();
  const leastOf = (key: string): string => {
    const to = joined.get(key);
    return to === undefined ? key : leastOf(to);
  };
  const copies = new Set<string>();
  for (const [i, look] of looks.entries()) {
    for (let j = 0; j < i; j++) {
      const other = looks[j];
      if (!look || !other || keys[i] === keys[j] || !lookAlike(look, other)) continue;
      for (const at of [i, j]) copies.add((images[at] as SnapshotImage).id);
      const ends = [leastOf(keys[i] as string), leastOf(keys[j] as string)].sort();
      const [least, greatest] = ends as [string, string];
      if (least !== greatest) joined.set(greatest, least);
    }
    // Pairs grow with the square: thousands of images would hold the event loop for seconds.
    if (i % 100 === 99) await nextTurn();
  }
  const groupOf = (image: SnapshotImage): string => leastOf(groupKey(image));
  const together = Map.groupBy(
    images.filter((image) => copies.has(image.id)),
    groupOf,
  );
  return {
    groupOf,
    nearDuplicates: copies.size,
    copies: [...together.values()].map((some) => some.map((image) => image.id)),
  };
}

async function lookOfStored(store: ObjectStore, image: SnapshotImage): Promise<Look | null> {
  const found = kept.get(image.sha256);
  if (found) return found;
  const bytes = await store.get(image.object_key);
  try {
    const look = await lookOf(bytes);
    kept.set(image.sha256, look);
    return look;
  } catch {
    return null;
  }
}
