import { boxIou } from "../../imaging/geometry.ts";
import { type MaskFacts, maskFacts, rleIou } from "../../imaging/mask-facts.ts";
import type { RleMask } from "../../imaging/types.ts";
import type { Snapshot, SnapshotAnnotation, SnapshotImage } from "../data/snapshot.ts";
import type { Found } from "./report.ts";

/** An annotation with what its run lengths tell. */
export interface Mark {
  readonly annotation: SnapshotAnnotation;
  readonly image: SnapshotImage;
  readonly facts: MaskFacts;
}

/** Two masks of one image that overlap so much are the same object, drawn twice. */
const sameObject = 0.9;
/** Cells of the decoder's 256 x 256 grid; below them a mask is a dot whose shape can't be learnt. */
const fewestCells = 9;
/** Between a box and its mask's own; hand-drawn boxes are looser than 1. */
const leastBoxAgreement = 0.7;

export const rleOf = ({ annotation, image }: Pick<Mark, "annotation" | "image">): RleMask => ({
  format: "rle",
  size: [image.height, image.width],
  counts: annotation.counts,
});

/** Area in cells of the decoder's grid. */
const cellsOf = ({ facts, image }: Mark): number =>
  facts.area * (256 / Math.max(image.width, image.height)) ** 2;
/** Whether the decoder sees no more than a dot. */
export const isTiny = (mark: Mark): boolean => cellsOf(mark) < fewestCells;

/** In the snapshot's order. */
export function marksOf(snapshot: Snapshot): Mark[] {
  const byId = new Map(snapshot.images.map((image) => [image.id, image]));
  return snapshot.annotations.map((annotation) => {
    const image = byId.get(annotation.image) as SnapshotImage;
    return { annotation, image, facts: maskFacts(rleOf({ annotation, image })) };
  });
}

/** What each annotation by itself, or beside the others of its image, gives cause to ask. */
export function findInMarks(marks: readonly Mark[]): Found[] {
  return [...marks.flatMap(findInMark), ...duplicates(marks)];
}

function findInMark(mark: Mark): Found[] {
  const { annotation, image, facts } = mark;
  const found: Found[] = [];
  const say = (code: Found["code"], severity: Found["severity"], message: string): void => {
    found.push({ code, severity, message, image_ids: [image.id], annotation_ids: [annotation.id] });
  };
  if (facts.area === 0) {
    say("mask_empty", "error", "The mask has no foreground at all: delete the annotation or draw it.");
    return found;
  }
  if (isTiny(mark)) {
    say(
      "mask_tiny",
      "warning",
      `The mask's ${facts.area} pixels are ${cellsOf(mark).toFixed(1)} cells of the decoder's 256 x 256 grid; crop the image closer.`,
    );
  }
  if (facts.borderPixels > 0) {
    say(
      "mask_touches_border",
      "info",
      `The mask touches the image's border in ${facts.borderPixels} pixels: the object may be cut off.`,
    );
  }
  if (facts.parts.length > 1) {
    const smallest = facts.parts.at(-1) as number;
    say(
      "mask_several_parts",
      "info",
      `The mask has ${facts.parts.length} separate parts, the smallest of ${smallest} pixels: stray pixels, or two objects in one mask?`,
    );
  }
  const agreement = boxIou(annotation.box, facts.box);
  if (agreement < leastBoxAgreement) {
    say(
      "box_mask_mismatch",
      "warning",
      `The box [${annotation.box.join(", ")}] and the mask's own [${facts.box.join(", ")}] overlap by ${agreement.toFixed(2)} only.`,
    );
  }
  return found;
}

function duplicates(marks: readonly Mark[]): Found[] {
  const found: Found[] = [];
  for (const some of Map.groupBy(marks, ({ image }) => image.id).values()) {
    for (const [i, mark] of some.entries()) {
      const twin = some.slice(0, i).find((other) => isSame(mark, other));
      if (!twin) continue;
      const overlap = rleIou(rleOf(mark), rleOf(twin));
      found.push({
        code: "annotation_duplicate",
        severity: "warning",
        message: `Two masks of this image overlap by ${overlap.toFixed(2)}: the same object twice counts twice.`,
        image_ids: [mark.image.id],
        annotation_ids: [twin.annotation.id, mark.annotation.id],
      });
    }
  }
  return found;
}

function isSame(a: Mark, b: Mark): boolean {
  if (a.facts.area === 0 || b.facts.area === 0) return false;
  // Cheap bounds first: images with hundreds of objects have tens of thousands of pairs.
  if (Math.min(a.facts.area, b.facts.area) < sameObject * Math.max(a.facts.area, b.facts.area)) return false;
  if (boxIou(a.facts.box, b.facts.box) < 0.5) return false;
  return rleIou(rleOf(a), rleOf(b)) >= sameObject;
}
