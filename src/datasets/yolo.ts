import { polygonsToMask } from "../imaging/polygons.ts";
import { baseOf, isImageName, type Plan, type PlannedImage, type PlannedMask, unannotated } from "./plan.ts";
import { fileError } from "./problems.ts";
import { type LayoutContext, nothingSkipped } from "./types.ts";
import { classNames } from "./yolo-names.ts";
import type { ZipReader } from "./zip.ts";

/** Rounded shares may lie this far outside 0 to 1; they are cut to it. */
const slack = 0.01;

/** Labels of YOLO: text files below a folder labels/, at the top or in each part of a split. */
export const isYoloLabel = (name: string): boolean =>
  /(^|\/)labels\/.+\.txt$/i.test(name) && baseOf(name).toLowerCase() !== "classes.txt";

/**
 * YOLO segmentation: an image at `.../images/<path>.*` has its labels at `.../labels/<path>.txt`, one object a line: the
 * class's number and its outline, `x y` in shares of width and height, three points or more. data.yaml names the classes.
 * An image without labels, or with an empty file, is unannotated; labels without an image are an error. Lines of a class
 * and four numbers are boxes of no outline: passed over and counted. The parts of a split (train, val, test) are one data
 * set here. Label files are read again when their image is. Throws AppError import_layout_unknown, or import_file_invalid with file
 * and line.
 */
export async function planYolo(zip: ZipReader, { reading, signal }: LayoutContext): Promise<Plan> {
  const classes = await classNames(zip, { reading, signal });
  const images = new Map<string, string>();
  for (const name of zip.entries.keys()) {
    const label = isImageName(name) ? labelOf(name) : null;
    if (label === null) continue;
    const other = images.get(label);
    if (other !== undefined) throw fileError(name, `has the same labels, ${label}, as ${other}`);
    images.set(label, name);
  }
  const planned = new Map<string, PlannedImage>();
  for (const name of images.values()) planned.set(name, unannotated(name));
  let boxes = 0;
  for (const name of [...zip.entries.keys()].filter(isYoloLabel)) {
    const image = images.get(name);
    if (image === undefined) throw fileError(name, "there is no image of this name below images/");
    reading?.(name);
    const found = await masksIn(zip, name, classes, signal);
    boxes += found.boxes;
    planned.set(image, {
      ...unannotated(image),
      count: found.masks.length,
      masks: async (again) => (await masksIn(zip, name, classes, again)).masks,
    });
  }
  const inOrder = [...planned.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { layout: "yolo", images: inOrder, skipped: { ...nothingSkipped, boxes } };
}

interface Classes {
  readonly file: string;
  readonly names: ReadonlyMap<number, string>;
}

/** The outlines of one file of labels, and how many of its lines are boxes. */
async function masksIn(zip: ZipReader, name: string, classes: Classes, signal: AbortSignal | undefined) {
  const found = { masks: [] as PlannedMask[], boxes: 0 };
  const text = (await zip.read(name, signal)).toString("utf8");
  for (const [k, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "") continue;
    const mask = maskOf(`${name}: line ${k + 1}`, line.trim().split(/\s+/), classes);
    if (mask) found.masks.push(mask);
    else found.boxes++;
  }
  return found;
}

/** As Ultralytics finds it: the last images/ of the path becomes labels/. Null for an image elsewhere. */
function labelOf(image: string): string | null {
  const [, before, rest] = /^(.*\/)?images\/(.+)\.[^./]+$/.exec(image) ?? [];
  return rest === undefined ? null : `${before ?? ""}labels/${rest}.txt`;
}

/** Null for a box. */
function maskOf(where: string, cells: readonly string[], classes: Classes): PlannedMask | null {
  const [number = "", ...rest] = cells;
  const label = /^\d{1,9}$/.test(number) ? classes.names.get(Number(number)) : undefined;
  if (label === undefined) throw fileError(where, `${classes.file} has no class ${number.slice(0, 40)}`);
  const shares = Float64Array.from(rest, (cell) => shareOf(where, cell));
  if (shares.length === 4) return null;
  if (shares.length < 6 || shares.length % 2 === 1)
    throw fileError(
      where,
      `has ${shares.length} numbers behind the class; an outline is x and y of three points or more`,
    );
  return {
    file: where,
    label,
    bbox: null,
    read: ({ width, height }) => {
      const ring = Array.from(shares, (share, i) => share * (i % 2 === 0 ? width : height));
      return polygonsToMask([ring], width, height);
    },
  };
}

function shareOf(where: string, cell: string): number {
  const value = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(cell) ? Number(cell) : Number.NaN;
  if (!(value >= -slack && value <= 1 + slack))
    throw fileError(where, `${cell.slice(0, 40)} is no share of the image's side, 0 to 1`);
  return Math.min(1, Math.max(0, value));
}
