import type { Snapshot, SnapshotAnnotation, SnapshotImage } from "./snapshot.ts";

/**
 * Which images may judge a version, strictest first. Where every mask of an image is a version's own answer, its scores
 * tell how alike two versions are; where a model chose every object, what no model finds is missing. Such an image trains.
 */
export interface Judges {
  /** Images with an object that a person pointed at and drew or corrected. */
  readonly drawn: ReadonlySet<string>;
  /** Also those with a prediction that was accepted, or that a model chose; never those of proposals alone. */
  readonly asked: ReadonlySet<string>;
}

export function judgesOf({ annotations }: Pick<Snapshot, "annotations">): Judges {
  const drawn = new Set<string>();
  const asked = new Set<string>();
  for (const annotation of annotations) {
    if (annotation.proposed) continue;
    asked.add(annotation.image);
    if (!isModels(annotation)) drawn.add(annotation.image);
  }
  return { drawn, asked };
}

/** Whether the mask, or the choice of its object, is a model's. */
const isModels = ({ feedback }: SnapshotAnnotation): boolean =>
  feedback !== undefined && (feedback.action === "accept" || feedback.prompt.grid === true);

/** Those of some images that may judge; all of them where none may, because something has to. */
export function judging(
  { drawn, asked }: Judges,
  images: readonly SnapshotImage[],
): readonly SnapshotImage[] {
  for (const some of [drawn, asked]) {
    const may = images.filter(({ id }) => some.has(id));
    if (may.length > 0) return may;
  }
  return images;
}
