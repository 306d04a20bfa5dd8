import { groupsInOrder } from "./groups.ts";
import { type Sample, someOf } from "./samples.ts";
import type { SnapshotImage } from "./snapshot.ts";

/** Samples of one fold at most: the encodes of every zoom go with them. */
const mostOfFold = 24;

/** Two halves of the data that trials train and judge on in turn. */
export interface Folds {
  /** The encodable samples of each half. */
  readonly parts: readonly [readonly Sample[], readonly Sample[]];
  /** All that is annotated on each half's images; they hold the parts. */
  readonly halves: readonly [readonly Sample[], readonly Sample[]];
}

/**
 * Halves samples by group, in the order of hashes of seed and group, each group to the half that is smaller. Where there
 * is but one group, null: nothing could judge.
 */
export function foldsFor(
  samples: readonly Sample[],
  groupOf: (sample: Sample) => string,
  seed: number,
): Folds | null {
  const groups = groupsInOrder(samples, groupOf, `${seed}:search`);
  if (groups.length < 2) return null;
  const halves: [Sample[], Sample[]] = [[], []];
  for (const { items } of groups) halves[halves[0].length <= halves[1].length ? 0 : 1].push(...items);
  return { parts: [someOf(halves[0], mostOfFold, seed), someOf(halves[1], mostOfFold, seed)], halves };
}

/** Two disjoint parts of the images judge one after the other, so a curve is drawn twice and averaged. */
export interface CurveFold {
  /** The training images of each point, each list the beginning of the next. */
  readonly train: readonly (readonly SnapshotImage[])[];
  readonly validation: readonly SnapshotImage[];
}

const curveFolds = 2;
const validationShare = 0.25;
/** Training images of the largest point: with more, a short run sees each hardly once. */
const mostImages = 48;
const mostValidation = 16;
/** With fewer, one image would judge. */
export const fewestGroups = 4;

/**
 * Splits images that are not held out into folds by group, in the order of hashes of seed and group, so that the same
 * data and seed give the same ones. Null with fewer than four groups.
 */
export function curveFoldsOf(
  images: readonly SnapshotImage[],
  groupOf: (image: SnapshotImage) => string,
  seed: number,
): CurveFold[] | null {
  const groups = new Set(images.map(groupOf)).size;
  if (groups < fewestGroups) return null;
  const inOrder = (purpose: string): (readonly SnapshotImage[])[] =>
    groupsInOrder(images, groupOf, `${seed}:${purpose}`).map(({ items }) => items);
  const judges = inOrder("judge");
  const wanted = Math.min(mostValidation, Math.max(1, Math.round(images.length * validationShare)));
  const parts: Set<SnapshotImage>[] = [];
  let next = 0;
  for (let fold = 0; fold < curveFolds; fold++) {
    const part = new Set<SnapshotImage>();
    // The last group of all trains, whatever its size.
    while (part.size < wanted && next < judges.length - curveFolds + fold) {
      for (const image of judges[next] as SnapshotImage[]) part.add(image);
      next++;
    }
    parts.push(part);
  }
  const pools = parts.map((part, fold) =>
    inOrder(`train ${fold}`)
      .flat()
      .filter((image) => !part.has(image)),
  );
  const most = Math.min(mostImages, ...pools.map((pool) => pool.length));
  const sizes = [...new Set([0.25, 0.5, 1].map((share) => Math.max(1, Math.round(share * most))))];
  return pools.map((pool, fold) => ({
    train: sizes.map((size) => pool.slice(0, size)),
    validation: [...(parts[fold] as Set<SnapshotImage>)].slice(0, mostValidation),
  }));
}
