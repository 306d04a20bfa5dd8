import { setImmediate as breathe } from "node:timers/promises";
import { areaOf, boxOf } from "../imaging/geometry.ts";
import { encodeRle } from "../imaging/rle.ts";
import type { Box } from "../imaging/types.ts";
import { AppError } from "../lib/errors.ts";
import { sha256 } from "../lib/hash.ts";
import { splitGroups } from "./groups.ts";
import { findLayout } from "./layout.ts";
import { mergeDuplicates } from "./merge.ts";
import type { PlannedImage, PlannedMask } from "./plan.ts";
import { fileError, naming, tooMany } from "./problems.ts";
import {
  type Dataset,
  type DatasetAnnotation,
  type DatasetItem,
  type DatasetOptions,
  defaultLimits,
  type ItemFacts,
} from "./types.ts";
import { Spool } from "./spool.ts";
import { openZip, type ZipReader } from "./zip.ts";

/** COCO boxes are rounded, so they may reach this far (pixels) over the image's edge; more is another box format. */
const boxSlack = 2;

/**
 * Opens a zip of images and annotations and checks all that its names and its JSON say: safety, limits, layout, pairing,
 * groups. The pixels are checked while `items` walks: store nothing for good before it has ended, then all in one
 * transaction. Layouts: see layout.ts. Throws AppError import_zip_invalid, import_too_large, import_layout_unknown,
 * import_file_invalid; a message about a file begins with its name in the zip, which is `param` too.
 */
export async function openDataset(zipPath: string, options: DatasetOptions): Promise<Dataset> {
  const { signal } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const zip = await openZip(zipPath, limits);
  const spools: Spool[] = [];
  const close = async (): Promise<void> => {
    for (const spool of spools.splice(0)) spool.close();
    await zip.close();
  };
  try {
    const plan = await findLayout(zip, limits, {
      openSpool: () => {
        const spool = new Spool(`${zipPath}.spool-${spools.length}`);
        spools.push(spool);
        return spool;
      },
      reading: options.reading,
      signal,
    });
    if (plan.images.length > limits.maxImages) throw tooMany(plan.images.length, "images", limits.maxImages);
    const annotations = plan.images.reduce((sum, image) => sum + image.count, 0);
    if (annotations > limits.maxAnnotations) throw tooMany(annotations, "annotations", limits.maxAnnotations);
    const images = await mergeDuplicates(zip, plan.images, signal);
    const groups = await splitGroups(zip, images, options);
    return {
      layout: plan.layout,
      images: images.length,
      annotations,
      skipped: plan.skipped,
      items: async function* () {
        for (const [i, image] of images.entries())
          yield await readItem(zip, image, groups[i] ?? null, options);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function readItem(
  zip: ZipReader,
  image: PlannedImage,
  splitGroup: string | null,
  { inspect, reading, signal }: DatasetOptions,
): Promise<DatasetItem> {
  const { name, declared } = image;
  reading?.(name);
  const bytes = await zip.read(name, signal);
  const facts = await naming(name, () => inspect(bytes));
  if (declared && (declared.width !== facts.width || declared.height !== facts.height)) {
    const said = `${declared.file} says ${declared.width} x ${declared.height}`;
    throw fileError(name, `the image is ${facts.width} x ${facts.height} pixels as seen, ${said}`);
  }
  const annotations = new Map<string, DatasetAnnotation>();
  for (const mask of await image.masks(signal)) {
    const annotation = await naming(mask.file, () => readAnnotation(mask, facts, signal));
    const key = `${annotation.counts} ${annotation.label}`;
    if (!annotations.has(key)) annotations.set(key, annotation);
    // Rasterising is synchronous; an image with hundreds of objects must not keep the process from its other work.
    await breathe();
    signal?.throwIfAborted();
  }
  return {
    fileName: name,
    alsoNamed: image.alsoNamed,
    bytes,
    facts,
    sha256: sha256(bytes),
    splitGroup,
    annotations: [...annotations.values()],
  };
}

async function readAnnotation(
  planned: PlannedMask,
  facts: ItemFacts,
  signal?: AbortSignal,
): Promise<DatasetAnnotation> {
  const mask = await planned.read(facts, signal);
  const area = areaOf(mask);
  if (area === 0) throw new AppError("mask_empty", "the mask has no foreground pixel");
  const own = boxOf(mask);
  return {
    counts: encodeRle(mask).counts,
    area,
    box: planned.bbox ? exactBox(cutBox(planned.bbox, own, facts), planned.corners) : own,
    label: planned.label,
    file: planned.file,
  };
}

/** The corners where they are the box but for rounding; else someone has changed the box since. */
const exactBox = (box: Box, corners: PlannedMask["corners"]): Box =>
  corners?.every((value, i) => Math.abs(value - (box[i] as number)) < 1e-9) ? corners : box;

/** COCO's [x, y, width, height] as our box, cut to the image. Throws AppError where it can't be meant for this mask. */
function cutBox(bbox: NonNullable<PlannedMask["bbox"]>, own: Box, { width, height }: ItemFacts): Box {
  const [x, y, w, h] = bbox;
  const text = `bbox [${bbox.join(", ")}] (x, y, width, height)`;
  if (!(w > 0 && h > 0)) throw new AppError("box_zero_area", `${text} has no area`);
  if (x < -boxSlack || y < -boxSlack || x + w > width + boxSlack || y + h > height + boxSlack)
    throw new AppError("box_outside_image", `${text} reaches outside the image, ${width} x ${height}`);
  const box: Box = [Math.max(0, x), Math.max(0, y), Math.min(width, x + w), Math.min(height, y + h)];
  const meets = box[0] < own[2] && own[0] < box[2] && box[1] < own[3] && own[1] < box[3];
  if (!meets || box[2] <= box[0] || box[3] <= box[1]) {
    throw new AppError(
      "box_outside_image",
      `${text} does not meet its segmentation, which lies in [${own.join(", ")}] (x0, y0, x1, y1)`,
    );
  }
  return box;
}
