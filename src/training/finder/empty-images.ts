import type { SnapshotImage } from "../data/snapshot.ts";
import type { Lesson } from "./lessons.ts";

/** Images of a project that are known to hold nothing, at most: those that teach and those that judge. */
export const mostEmpty = 64;

/** Images that hold nothing, in two sides by their own hash, so that none ever changes sides: three of four teach. */
export function emptyLessons(images: readonly SnapshotImage[]): { teaching: Lesson[]; judging: Lesson[] } {
  const lessons = images.map((image): Lesson => ({ image, samples: [] }));
  const judges = ({ image }: Lesson): boolean => Number.parseInt(image.sha256.slice(0, 2), 16) % 4 === 0;
  return { teaching: lessons.filter((one) => !judges(one)), judging: lessons.filter(judges) };
}
