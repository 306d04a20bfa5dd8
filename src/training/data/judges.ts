import type { Snapshot, SnapshotAnnotation, SnapshotImage } from "./snapshot.ts";

/**
 * Which images may judge a version, strictest first. Where every mask of an image is a version's own answer, its scores
 * tell how alike two versions are, and what no version finds is missing: such an image only trains.
 */
export interface Judges {
  /** Images with a mask that a person has drawn or corrected at a prompt of theirs. */
  readonly drawn: ReadonlySet<string>;
  /** Also those where a person had pointed at an object and accepted its mask; never those of proposals alone. */
  readonly pointed: ReadonlySet<string>;
}

export function judgesOf({ annotations }: Pick<Snapshot, "annotations">): Judges {
  const drawn = new Set<string>();
  const pointed = new Set<string>();
  for (const annotation of annotations) {
    if (annotation.proposed) continue;
    pointed.add(annotation.image);
    if (!isAccepted(annotation)) drawn.add(annotation.image);
  }
  return { drawn, pointed };
}

const isAccepted = ({ feedback }: SnapshotAnnotation): boolean => feedback?.action === "accept";

/** Those of some images that may judge; all of them where none may, because something has to. */
export function judging(
  { drawn, pointed }: Judges,
  images: readonly SnapshotImage[],
): readonly SnapshotImage[] {
  for (const some of [drawn, pointed]) {
    const may = images.filter(({ id }) => some.has(id));
    if (may.length > 0) return may;
  }
  return images;
}
