import type { Part } from "../../domain/data-import.ts";
import { type Group, groupsInOrder } from "./groups.ts";
import { judgesOf } from "./judges.ts";
import type { Snapshot, SnapshotImage } from "./snapshot.ts";

/**
 * The annotated images of a snapshot in three sets; no group stands in two of them. Images that versions have labelled only
 * train (see judges.ts), and are in no set where others of their group judge.
 */
export interface Split {
  readonly train: readonly SnapshotImage[];
  /** Chooses the best epoch. Empty with fewer than 8 groups: then the training images choose, without jitter. */
  readonly selection: readonly SnapshotImage[];
  /** Seen by nothing but the final scores. */
  readonly heldOut: readonly SnapshotImage[];
}

const heldOutShare = 0.25;
const selectionShare = 0.15;
/** Below this many groups a selection set would be one or two images: noise that costs training data. */
const groupsForSelection = 8;

type Images = Group<SnapshotImage>;

/**
 * Splits by the user's own parts where images have such (see splitAsWished), else by group (an image without one is a group
 * by itself): about a quarter of the images held out, 15 % for
 * selection, the rest for training; at least one group is held out and at least one trains.
 * The order of groups is the hash of seed and group, so it depends on the data alone and new images move few of
 * the old ones: only those next to a boundary; images that versions have labelled move none. `groupOf` tells which images
 * stand together. Returns null with fewer than two groups that may judge, which can't be split.
 */
export function splitSnapshot(
  snapshot: Snapshot,
  seed: number,
  groupOf: (image: SnapshotImage) => string = groupKey,
): Split | null {
  const { drawn, asked } = judgesOf(snapshot);
  for (const may of [drawn, asked]) {
    const judges = snapshot.images.filter(({ id }) => may.has(id));
    const groups = groupsInOrder(judges, groupOf, String(seed));
    if (groups.length < 2) continue;
    const split = splitAsWished(groups) ?? splitByShare(groups, judges.length);
    const others = snapshot.images.filter(({ id }) => !may.has(id));
    return { ...split, train: [...split.train, ...others.filter(standsApart(split, groupOf))] };
  }
  return null;
}

/** Whether an image that may not judge stands with none that does, and in no part of the user's that is to judge. */
function standsApart(
  { heldOut, selection }: Split,
  groupOf: (image: SnapshotImage) => string,
): (image: SnapshotImage) => boolean {
  const judged = new Set([...heldOut, ...selection].map(groupOf));
  return (image) => !judged.has(groupOf(image)) && image.part !== "test" && image.part !== "val";
}

/** About a quarter of the images held out, 15 % for selection. */
function splitByShare(groups: readonly Images[], images: number): Split {
  const heldOut = take(groups, Math.max(1, Math.round(images * heldOutShare)), 1);
  const selection =
    groups.length >= groupsForSelection
      ? take(heldOut.rest, Math.max(1, Math.round(images * selectionShare)), 1)
      : { taken: [], rest: heldOut.rest };
  const flat = (list: readonly Images[]): SnapshotImage[] => list.flatMap(({ items }) => items);
  return { train: flat(selection.rest), selection: flat(selection.taken), heldOut: flat(heldOut.taken) };
}

/**
 * The user's own parts: a group with a test image is held out, one with a val image and no test image selects, all others
 * train; without a val part 15 % of these select where there are groups enough. Null where no image is of a test part, or
 * nothing would be left to train on.
 */
function splitAsWished(groups: readonly Images[]): Split | null {
  const has = (group: Images, part: Part): boolean => group.items.some((image) => image.part === part);
  const heldOut = groups.filter((group) => has(group, "test"));
  const others = groups.filter((group) => !has(group, "test"));
  const val = others.filter((group) => has(group, "val"));
  const train = others.filter((group) => !has(group, "val"));
  if (heldOut.length === 0 || train.length === 0) return null;
  const flat = (list: readonly Images[]): SnapshotImage[] => list.flatMap(({ items }) => items);
  if (val.length > 0) return { train: flat(train), selection: flat(val), heldOut: flat(heldOut) };
  const images = flat(train).length;
  const chosen =
    train.length >= groupsForSelection
      ? take(train, Math.max(1, Math.round(images * selectionShare)), 1)
      : { taken: [], rest: train };
  return { train: flat(chosen.rest), selection: flat(chosen.taken), heldOut: flat(heldOut) };
}

/** By content, not by id: the same data in another project splits the same way. */
export const groupKey = (image: SnapshotImage): string =>
  image.group === null ? `image:${image.sha256}` : `group:${image.group}`;

/**
 * Takes groups in order until about `wanted` images are together, and leaves at least `leave` groups. A group that
 * would overshoot by more than half of itself is passed over; if all would, the smallest is taken.
 */
function take(groups: readonly Images[], wanted: number, leave: number): { taken: Images[]; rest: Images[] } {
  const taken: Images[] = [];
  let missing = wanted;
  for (const group of groups) {
    if (taken.length === groups.length - leave) break;
    if (missing * 2 < group.items.length || missing <= 0) continue;
    taken.push(group);
    missing -= group.items.length;
  }
  if (taken.length === 0) {
    taken.push(groups.reduce((least, group) => (group.items.length < least.items.length ? group : least)));
  }
  const chosen = new Set(taken);
  return { taken, rest: groups.filter((group) => !chosen.has(group)) };
}
