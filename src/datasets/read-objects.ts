import { edgeContrast, seenMask } from "../imaging/mask-fit.ts";
import { rleIou } from "../imaging/mask-facts.ts";
import { swapsSides } from "../imaging/orientation.ts";
import type { Box } from "../imaging/types.ts";
import { AppError, type ErrorCode } from "../lib/errors.ts";
import { Pauses } from "../lib/pauses.ts";
import type { FoundObject, Frame, PlannedImage, PlannedMask } from "./plan.ts";
import { placeText } from "./plan.ts";
import { isFileChanged } from "./problems.ts";
import type { LeftOut, Report } from "./report.ts";
import type { DatasetAnnotation, ItemFacts } from "./types.ts";

/** COCO boxes are rounded, so they may reach this far (pixels) over the image's edge; more is another box format. */
const boxSlack = 2;
/** Two outlines of one object, drawn on the same picture under two names. */
const sameObject = 0.8;
/** How much more the picture has to change along turned outlines before they are taken for turned. */
const turnedContrast = 1.5;

const reasonOf: Partial<Record<ErrorCode, LeftOut>> = {
  mask_empty: "object_empty",
  mask_size_mismatch: "size_differs",
  mask_png_invalid: "mask_unreadable",
  mask_not_binary: "mask_unreadable",
  image_format_unsupported: "mask_unreadable",
  image_unreadable: "mask_unreadable",
  import_file_changed: "file_changed",
};

const pauses = new Pauses();

/** One object with where it was said, on the image as it is seen. */
interface Read {
  readonly object: FoundObject;
  readonly mask: PlannedMask;
}

/**
 * The objects of an image, at its size as seen. What is at fault is left out and told. Masks that were drawn on the stored
 * pixels of a picture that EXIF turns are turned with it: where their sizes say so, and where the sizes are alike and the
 * picture changes much more along the turned outlines.
 */
export async function readObjects(
  image: PlannedImage,
  { facts, bytes }: { facts: ItemFacts; bytes: Uint8Array },
  report: Report,
  signal?: AbortSignal,
): Promise<{ annotations: DatasetAnnotation[]; isBackground: boolean }> {
  const frames = framesOf(facts);
  const frame = frameOf(image, frames, report);
  const read: Read[] = [];
  let left = false;
  const masks = await Promise.resolve(image.masks(signal)).catch((error: unknown) => {
    if (!isFileChanged(error)) throw error;
    left = true;
    const file = error.param ?? image.name;
    report.leave("file_changed", { file, count: Math.max(1, image.count), detail: error.message });
    return [];
  });
  for (const mask of masks) {
    const { leave, place } = mask;
    if (leave || frame === null) {
      const detail = leave ? leave.detail : declaredText(image, facts);
      report.leave(leave?.code ?? "size_differs", { ...place, detail, count: leave?.count });
      left = true;
      continue;
    }
    try {
      for (const object of await readMask(mask, frame, frames, report, signal))
        if (object.leave) {
          left = true;
          report.leave(object.leave.code, { ...place, ...object.leave });
        } else read.push({ object, mask });
    } catch (error) {
      if (!(error instanceof AppError) || error.status >= 500) throw error;
      left = true;
      report.leave(reasonOf[error.code] ?? "object_invalid", { ...place, detail: error.message });
    }
    // Drawing is synchronous; an image with hundreds of objects must not keep the process from its other work.
    await pauses.due();
    signal?.throwIfAborted();
  }
  const seen = await turnedByContrast(read, frames, bytes, report);
  const annotations = withoutDoubles(seen, image, facts, report);
  return {
    annotations,
    isBackground: annotations.length === 0 && !left && (image.background || image.count > 0),
  };
}

interface Frames {
  readonly seen: Frame;
  /** Undefined where EXIF turns nothing. */
  readonly stored: Frame | undefined;
  readonly orientation: number;
}

function framesOf(facts: ItemFacts): Frames {
  const orientation = facts.orientation ?? 1;
  const seen = { ...facts, stored: false };
  if (orientation === 1) return { seen, stored: undefined, orientation };
  const [width, height] = swapsSides(orientation) ? [facts.height, facts.width] : [facts.width, facts.height];
  return { seen, stored: { ...facts, width, height, stored: true }, orientation };
}

/** What the annotations were drawn on, as far as sizes tell; null where they are of no size that the image has. */
function frameOf({ declared }: PlannedImage, { seen, stored }: Frames, report: Report): Frame | null {
  if (!declared || isSize(declared, seen)) return seen;
  if (stored && isSize(declared, stored)) return stored;
  if (declared.width === seen.height && declared.height === seen.width) {
    report.tell("size_swapped", "width and height of images have changed places in the annotation file");
    return seen;
  }
  return null;
}

interface Size {
  readonly width: number;
  readonly height: number;
}
const isSize = (a: Size, b: Size): boolean => a.width === b.width && a.height === b.height;

const declaredText = ({ declared }: PlannedImage, { width, height }: ItemFacts): string =>
  `the image is ${width} x ${height} pixels as seen, ${declared?.file} says ${declared?.width} x ${declared?.height}`;

async function readMask(
  mask: PlannedMask,
  frame: Frame,
  { stored, orientation }: Frames,
  report: Report,
  signal?: AbortSignal,
): Promise<readonly FoundObject[]> {
  let used = frame;
  let objects: readonly FoundObject[];
  try {
    objects = await mask.read(frame, signal);
  } catch (error) {
    const retry = stored && !frame.stored && error instanceof AppError && error.code === "mask_size_mismatch";
    if (!retry) throw error;
    used = stored;
    objects = await mask.read(stored, signal);
  }
  if (!used.stored) return objects;
  report.tell("turned", turnedText);
  return objects.map((object) => ({ ...object, ...seenMask(object, used, orientation) }));
}

const turnedText =
  "masks were drawn on pictures before EXIF turns them: they were turned with their pictures";

/** Where both ways have one size, nobody but the picture can tell. */
async function turnedByContrast(
  read: readonly Read[],
  { seen, stored, orientation }: Frames,
  bytes: Uint8Array,
  report: Report,
): Promise<readonly Read[]> {
  if (!stored || !isSize(stored, seen) || read.length === 0) return read;
  const turned = read.map(({ object, mask }) => ({
    mask,
    object: { ...object, ...seenMask(object, stored, orientation) },
  }));
  const contrast = (some: readonly Read[]): Promise<number> =>
    edgeContrast(
      bytes,
      seen,
      some.slice(0, 50).map(({ object }) => object),
    );
  if ((await contrast(turned)) < turnedContrast * (await contrast(read))) return read;
  report.tell("turned", turnedText);
  return turned;
}

function withoutDoubles(
  read: readonly Read[],
  image: PlannedImage,
  facts: ItemFacts,
  report: Report,
): DatasetAnnotation[] {
  const kept = new Map<string, DatasetAnnotation>();
  for (const { object, mask } of read) {
    const label = object.label === undefined ? mask.label : object.label;
    const annotation: DatasetAnnotation = {
      counts: object.counts,
      area: object.area,
      box: boxOf(mask, object.box, facts, report),
      label,
      file: placeText(mask.place),
    };
    const key = `${annotation.counts} ${label}`;
    const double =
      kept.get(key) ??
      (image.alsoNamed.length > 0
        ? [...kept.values()].find((other) => other.label === label && isSame(other, annotation, facts))
        : undefined);
    if (double) report.leave("duplicate", { ...mask.place, detail: `the same object as ${double.file}` });
    else kept.set(key, annotation);
  }
  return [...kept.values()];
}

function isSame(a: DatasetAnnotation, b: DatasetAnnotation, { width, height }: Size): boolean {
  if (!meets(a.box, b.box)) return false;
  const size: [number, number] = [height, width];
  return (
    rleIou({ format: "rle", size, counts: a.counts }, { format: "rle", size, counts: b.counts }) >= sameObject
  );
}

const meets = (a: Box, b: Box): boolean => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

/** The annotation's own box where it can be meant for this mask, cut to the image; else the mask's. */
function boxOf({ bbox, corners }: PlannedMask, own: Box, { width, height }: Size, report: Report): Box {
  if (!bbox) return own;
  const [x, y, w, h] = bbox;
  const asCorners = [x, y, w, h].every((value, i) => Math.abs(value - (own[i] as number)) <= 2);
  const fits =
    w > 0 &&
    h > 0 &&
    x >= -boxSlack &&
    y >= -boxSlack &&
    x + w <= width + boxSlack &&
    y + h <= height + boxSlack &&
    !(asCorners && x + y > 4);
  const cut: Box = [Math.max(0, x), Math.max(0, y), Math.min(width, x + w), Math.min(height, y + h)];
  if (!fits || !meets(cut, own) || cut[2] <= cut[0] || cut[3] <= cut[1]) {
    report.tell(
      "box_replaced",
      "boxes that are not their outlines' [x, y, width, height] gave way to the outlines' own",
    );
    return own;
  }
  // The corners where they are the box but for rounding; else someone has changed the box since.
  return corners?.every((value, i) => Math.abs(value - (cut[i] as number)) < 1e-9) ? corners : cut;
}
