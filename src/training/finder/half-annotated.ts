import type { Lesson } from "./lessons.ts";
import type { Look } from "./looks.ts";

/** Objects that have to be found before anything can be said of what is not annotated. */
const fewestFound = 8;
/** Finds without an annotation that count for something, at least, and from how many objects missing for one that is there. */
const [sure, unsure] = [
  { finds: 3, missing: 1 },
  { finds: 2, missing: 1 / 3 },
] as const;

/** Ids of images. */
export interface Doubts {
  /** Taken as half-annotated. */
  readonly partial: ReadonlySet<string>;
  /** Those, and others of which a person should say whether all is annotated. */
  readonly asked: ReadonlySet<string>;
}

export const noDoubts: Doubts = { partial: new Set(), asked: new Set() };

export const both = (one: Doubts, other: Doubts): Doubts => ({
  partial: new Set([...one.partial, ...other.partial]),
  asked: new Set([...one.asked, ...other.asked]),
});

/** Lessons, those of them marked that a person says are annotated in part only, or that are taken for it. */
export const marked = (lessons: readonly Lesson[], { partial }: Doubts): Lesson[] =>
  lessons.map((lesson) =>
    lesson.image.complete === false || partial.has(lesson.image.id) ? { ...lesson, partial: true } : lesson,
  );

/**
 * Which images seem to hold objects that nobody has annotated. Half of all objects that are found have a logit above their
 * median; where nothing is annotated, a finder that tells objects from background hardly ever reaches it, while objects
 * that were merely left out reach it as often as the others. Twice as many as reach it are missing, then. Images of which a
 * person has said whether they are whole are not in doubt.
 * @param looks by a finder that was not trained on these images
 */
export function doubtsOf(looks: readonly Look[]): Doubts {
  const [partial, asked] = [new Set<string>(), new Set<string>()];
  const found = looks.flatMap(({ peaks }) => peaks.filter(({ on }) => on === "object"));
  if (found.length < fewestFound) return { partial, asked };
  const usual = found.map(({ logit }) => logit).sort((a, b) => a - b)[found.length >> 1] as number;
  for (const { lesson, peaks } of looks) {
    const { image, samples } = lesson;
    if (image.complete !== undefined) continue;
    const finds = peaks.filter(({ on, logit }) => on === "nothing" && logit >= usual).length;
    const reaches = (least: { finds: number; missing: number }): boolean =>
      finds >= least.finds && 2 * finds >= least.missing * samples.length;
    if (reaches(sure)) partial.add(image.id);
    if (reaches(unsure)) asked.add(image.id);
  }
  return { partial, asked };
}
