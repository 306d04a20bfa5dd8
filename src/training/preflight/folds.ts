import { sha256 } from "../../lib/hash.ts";
import type { SnapshotImage } from "../data/snapshot.ts";

/** Two disjoint parts of the images judge one after the other, so a curve is drawn twice and averaged. */
export interface Fold {
  /** The training images of each point, each list the beginning of the next. */
  readonly train: readonly (readonly SnapshotImage[])[];
  readonly validation: readonly SnapshotImage[];
}

const folds = 2;
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
export function foldsOf(
  images: readonly SnapshotImage[],
  groupOf: (image: SnapshotImage) => string,
  seed: number,
): Fold[] | null {
  const groups = [...Map.groupBy(images, groupOf)];
  if (groups.length < fewestGroups) return null;
  const inOrder = (purpose: string): SnapshotImage[][] =>
    groups
      .map(([key, some]) => ({ order: sha256(`${seed}:${purpose}:${key}`), some }))
      .sort((a, b) => (a.order < b.order ? -1 : 1))
      .map(({ some }) => some);
  const judges = inOrder("judge");
  const wanted = Math.min(mostValidation, Math.max(1, Math.round(images.length * validationShare)));
  const parts: Set<SnapshotImage>[] = [];
  let next = 0;
  for (let fold = 0; fold < folds; fold++) {
    const part = new Set<SnapshotImage>();
    // The last group of all trains, whatever its size.
    while (part.size < wanted && next < judges.length - folds + fold) {
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
