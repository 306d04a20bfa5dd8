/** What an export can't carry, or carries in another way than it was, by code. */
const messages = {
  boxes: "annotations have a box of their own that is not their mask's: the format has no place for it",
  unlabelled: "annotations have no label, and the format wants one of each",
  labels_changed: "labels have characters that the format can't hold: they were replaced",
  parts_joined:
    "objects lie in several parts: they are one outline, with bridges of no width between the parts",
  overlaps: "objects lie beneath others in part: where they do, the smaller one has the pixel",
  covered: "objects lie beneath others wholly: they are lost",
  too_many_objects:
    "objects are more than 65,534 in one image, as a map of 16 bits can number: they are left out",
  too_many_corners: "objects have outlines of more than half a million corners: they are left out",
  too_many_corners_as_masks:
    "objects have outlines of more than half a million corners: they are run lengths",
  images_renamed:
    "images share their name with another, or have one that is no name of a file: they go by their id",
  images_unannotated: "images have no annotation and are not known to hold nothing: they are left out",
  parts: "images are in a part (train, val, test) of their own: the format has no place for it",
} as const;
export type ToldCode = keyof typeof messages;

export interface ToldEntry {
  readonly code: ToldCode;
  readonly count: number;
  readonly message: string;
}

/** Counts what an export changes or leaves out. */
export class Told {
  readonly #counts = new Map<ToldCode, number>();

  count(code: ToldCode, more = 1): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + more);
  }

  get entries(): ToldEntry[] {
    return [...this.#counts].map(([code, count]) => ({ code, count, message: messages[code] }));
  }
}
