import type { Box } from "../imaging/types.ts";
import type { Spool } from "./spool.ts";

/** What `inspect` says of an image's bytes; the same shape as inference's ImageFacts. */
export interface ItemFacts {
  /** As seen, after EXIF orientation. */
  readonly width: number;
  readonly height: number;
  readonly format: "jpeg" | "png" | "webp" | "tiff";
}

/** One object of one image, checked: its mask has the image's size and at least one pixel. */
export interface DatasetAnnotation {
  /** COCO's compressed run-length string at the image's own size. */
  readonly counts: string;
  /** Foreground pixels. */
  readonly area: number;
  /** COCO's `bbox` cut to the image where the file has one, else the mask's own box. */
  readonly box: Box;
  readonly label: string | null;
  /** Where in the zip it stands: `masks/a__2.png`, `annotations.json: annotation 17`. */
  readonly file: string;
}

/** One image with all its annotations, checked. Images without annotations come too. */
export interface DatasetItem {
  /** The path in the zip below its common top folder. */
  readonly fileName: string;
  /** Other files of the zip with the very same bytes; their annotations stand here. */
  readonly alsoNamed: readonly string[];
  /** The image, byte for byte. */
  readonly bytes: Buffer;
  readonly facts: ItemFacts;
  /** Of the bytes, 64 hex digits. */
  readonly sha256: string;
  /** Images of one group never stand on both sides of a split; null is a group by itself. See groups.ts. */
  readonly splitGroup: string | null;
  readonly annotations: readonly DatasetAnnotation[];
}

/** How much a zip may hold. Everything is held against the directory before anything is inflated. */
export interface DatasetLimits {
  /** Files and folders in the zip. */
  readonly maxEntries: number;
  /** Inflated bytes of all files together. */
  readonly maxTotalBytes: number;
  /** Inflated bytes of one image or mask. */
  readonly maxEntryBytes: number;
  /** Inflated bytes of a JSON file of annotations, which is read piece by piece. */
  readonly maxJsonBytes: number;
  /** Inflated bytes of a CSV, YAML or text file, which is held in memory whole. */
  readonly maxTextBytes: number;
  /** Inflated bytes per byte of the zip, once more than 64 MiB inflate. */
  readonly maxRatio: number;
  readonly maxImages: number;
  readonly maxAnnotations: number;
}

export const defaultLimits: DatasetLimits = {
  maxEntries: 250_000,
  maxTotalBytes: 64 * 1024 ** 3,
  maxEntryBytes: 256 * 1024 ** 2,
  maxJsonBytes: 4 * 1024 ** 3,
  maxTextBytes: 32 * 1024 ** 2,
  maxRatio: 200,
  maxImages: 50_000,
  maxAnnotations: 1_000_000,
};

/** What a layout reads with. */
export interface LayoutContext {
  /** A place on disk for what is found and needed later; it goes with the data set. */
  readonly openSpool: () => Spool;
  /** Told of every file before it is read. */
  readonly reading?: ((file: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface DatasetOptions {
  /** What is left out is taken from `defaultLimits`. */
  readonly limits?: Partial<DatasetLimits> | undefined;
  /** Decodes an image whole; throws AppError when it can't (`Inference.inspect`). */
  readonly inspect: (bytes: Uint8Array) => Promise<ItemFacts>;
  /** Told of every file before it is read. */
  readonly reading?: ((file: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export type Layout = "coco" | "folders" | "yolo" | "label_studio";

/** What was left out on purpose. */
export interface Skipped {
  /** COCO annotations with `iscrowd: 1`: regions of many objects, not one. */
  readonly crowds: number;
  /** `masks/<stem>.png` beside `masks/<stem>__<k>.png`: the union of instances that are there one by one. */
  readonly unions: number;
  /** Rectangles of Label Studio and lines of YOLO with a box alone. */
  readonly boxes: number;
  /** Label Studio's ellipses, key points and whatever else is neither brush nor polygon. */
  readonly shapes: number;
}

export const nothingSkipped: Skipped = { crowds: 0, unions: 0, boxes: 0, shapes: 0 };

const skippedBecause: Readonly<Record<keyof Skipped, string>> = {
  crowds: "COCO annotations with iscrowd hold many objects, not one",
  unions: "masks/<stem>.png is the union of masks/<stem>__<k>.png, which are there one by one",
  boxes: "a box outlines no object: only masks and polygons are annotations",
  shapes: "only brush regions and polygons of Label Studio outline an object",
};

/** What was left out, how often, and why, for people. */
export const skippedReasons = (skipped: Skipped): { count: number; reason: string }[] =>
  (Object.keys(skippedBecause) as (keyof Skipped)[])
    .filter((key) => skipped[key] > 0)
    .map((key) => ({ count: skipped[key], reason: skippedBecause[key] }));

/** An image of a data set that another process reads: its bytes in a file, its annotations in one part or several. */
export interface ItemPart extends Omit<DatasetItem, "bytes"> {
  readonly byteLength: number;
  /** Of the file with the image's bytes; null in the parts after the first. */
  readonly path: string | null;
}

/** What the names and the annotation file of a zip say. */
export interface DatasetSummary {
  readonly layout: Layout;
  /** Images that `items` will give, duplicates counted once. */
  readonly images: number;
  /** Annotations at most: equal masks on one image are told once. */
  readonly annotations: number;
  readonly skipped: Skipped;
}

/** An opened zip whose layout, names and pairing are checked; its pixels are not yet. */
export interface Dataset extends DatasetSummary {
  /**
   * Every image, in the order of names, one at a time: only one image and one mask are in memory.
   * Can be walked again. Throws AppError import_file_invalid, import_zip_invalid, or the signal's reason.
   */
  items(): AsyncGenerator<DatasetItem, void, undefined>;
  close(): Promise<void>;
}
