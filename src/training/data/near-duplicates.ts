import { setImmediate as nextTurn } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import { type Features, featuresOf, greyOf } from "../../imaging/local-features.ts";
import { type Look, lookAlike, lookOf } from "../../imaging/look-alike.ts";
import { placements } from "../../imaging/match-features.ts";
import type { ObjectStore } from "../../storage/store.ts";
import { type SnapshotImage, sourceOf } from "./snapshot.ts";
import { groupKey } from "./split.ts";

/** Images read at a time. */
const readers = 4;

/** What an image is told by. */
interface Seen {
  readonly look: Look;
  /** Null where there were too many images. */
  readonly features: Features | null;
}

/** By the hash of the bytes, some ten kilobytes each, so that the next fine-tune need not read the images again. */
const kept = new LRUCache<string, Seen>({ max: 10_000 });

/** More images than this are told by their looks alone: features of so many take some 90 MB. */
const mostWithFeatures = 10_000;
/** A group that shared parts alone would make so large says that all images have those, as forms and fixed cameras do. */
const largestShare = 0.4;

/** Why images stand together. */
export type Joined = "copy" | "part";

/** How images stand together once those that show the same share a group. */
export interface Grouping {
  readonly groupOf: (image: SnapshotImage) => string;
  /** Images that look like one of another group, or show a part of it. */
  readonly nearDuplicates: number;
  /** Their ids, those that stand together in one list, in the order of the images; `part` where any is more than a copy. */
  readonly together: readonly { readonly by: Joined; readonly ids: readonly string[] }[];
}

/** Groups as they were given, and nothing joined. */
export const asGiven: Grouping = { groupOf: groupKey, nearDuplicates: 0, together: [] };

/**
 * Joins the groups of images that show the same: copies, turned and mirrored ones too, crops, overlapping tiles, frames of
 * one scene. Such a one on the other side of the split would let a version be judged by what it has learnt. A joined group
 * has its least key, so it depends on content alone. Where shared parts would join more than 40 % of the images, all of
 * them have these parts, and copies alone are joined. Images that can't be read join nothing; whoever embeds them says what
 * is wrong.
 */
export async function groupNearDuplicates(
  store: ObjectStore,
  images: readonly SnapshotImage[],
): Promise<Grouping> {
  const withFeatures = images.length <= mostWithFeatures;
  const seen: (Seen | null)[] = [];
  for (let from = 0; from < images.length; from += readers) {
    const some = images.slice(from, from + readers);
    seen.push(...(await Promise.all(some.map(async (image) => seenOf(store, image, withFeatures)))));
  }
  const copies = await copiesAmong(seen.map((one) => one?.look ?? null));
  const found = await placements(seen.map((one) => one?.features ?? null));
  const parts = found.map(({ i, j }): [number, number] => [i, j]);
  const all = joinedBy(images, copies, parts);
  const largest = Math.max(0, ...all.together.map(({ ids }) => ids.length));
  return largest > largestShare * images.length ? joinedBy(images, copies, []) : all;
}

async function copiesAmong(looks: readonly (Look | null)[]): Promise<[number, number][]> {
  const copies: [number, number][] = [];
  for (const [i, look] of looks.entries()) {
    for (let j = 0; j < i; j++) {
      const other = looks[j];
      if (look && other && lookAlike(look, other)) copies.push([j, i]);
    }
    // Pairs grow with the square: thousands of images would hold the event loop for seconds.
    if (i % 100 === 99) await nextTurn();
  }
  return copies;
}

function joinedBy(
  images: readonly SnapshotImage[],
  copies: readonly [number, number][],
  parts: readonly [number, number][],
): Grouping {
  const keys = images.map(groupKey);
  const joined = new Map<string, string>();
  const leastOf = (key: string): string => {
    const to = joined.get(key);
    return to === undefined ? key : leastOf(to);
  };
  const by = new Map<string, Joined>();
  for (const [pairs, why] of [
    [copies, "copy"],
    [parts, "part"],
  ] as const)
    for (const [i, j] of pairs) {
      if (keys[i] === keys[j]) continue;
      for (const at of [i, j]) {
        const { id } = images[at] as SnapshotImage;
        if (!by.has(id)) by.set(id, why);
      }
      const ends = [leastOf(keys[i] as string), leastOf(keys[j] as string)].sort();
      const [least, greatest] = ends as [string, string];
      if (least !== greatest) joined.set(greatest, least);
    }
  const groupOf = (image: SnapshotImage): string => leastOf(groupKey(image));
  const together = Map.groupBy(
    images.filter((image) => by.has(image.id)),
    groupOf,
  );
  return {
    groupOf,
    nearDuplicates: by.size,
    together: [...together.values()].map((some) => ({
      by: some.every(({ id }) => by.get(id) === "copy") ? "copy" : "part",
      ids: some.map(({ id }) => id),
    })),
  };
}

async function seenOf(store: ObjectStore, image: SnapshotImage, withFeatures: boolean): Promise<Seen | null> {
  const found = kept.get(image.sha256);
  if (found && (found.features || !withFeatures)) return found;
  const bytes = await sourceOf(store, image).bytes();
  try {
    const features = withFeatures ? featuresOf(await greyOf(bytes)) : null;
    const seen = { look: await lookOf(bytes), features };
    kept.set(image.sha256, seen);
    return seen;
  } catch {
    return null;
  }
}
