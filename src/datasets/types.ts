import type { Box } from "../imaging/types.ts";
import type { ImageFormat } from "../imaging/sniff.ts";
import type { Part } from "../domain/data-import.ts";
import type { ImportNote, ImportSummary, SkippedCount } from "../domain/data-import.ts";
import type { Report } from "./report.ts";
import type { Spool } from "./spool.ts";
import type { ImageFinder } from "./find-image.ts";
import type { DatasetLimits } from "./limits.ts";
import type { CountedState, WalkOptions, WalkState } from "./walk-state.ts";
import type { ArchiveReader } from "./archive.ts";
import type { PictureTable } from "./tables/unpack.ts";

/** What `inspect` says of an image's bytes. */
export interface ItemFacts {
  /** As seen, after EXIF orientation. */
  readonly width: number;
  readonly height: number;
  readonly format: ImageFormat;
  /** EXIF's Orientation, 1 to 8; 1 where nothing is said. */
  readonly orientation?: number | undefined;
  /** Pages of the file; only the first is read. */
  readonly pages?: number | undefined;
  /** What was chosen to make eight bits of R, G and B of it; undefined where it has them. */
  readonly reading?: string | undefined;
}

/** One object of one image, checked: its mask has the image's size and at least one pixel. */
export interface DatasetAnnotation {
  /** COCO's compressed run-length string at the image's own size. */
  readonly counts: string;
  /** Foreground pixels. */
  readonly area: number;
  /** COCO's `bbox` cut to the image where the file has one that fits, else the mask's own box. */
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
  /** SHA-256 of the bytes, 64 hex digits. */
  readonly sha256: string;
  /** Images of one group never stand on both sides of a split; null is a group by itself. See groups.ts. */
  readonly splitGroup: string | null;
  /** The user's own part of the data that it is in. */
  readonly split: Part | null;
  /** Whether it is known to hold no object. */
  readonly background: boolean;
  readonly annotations: readonly DatasetAnnotation[];
}

/** What the importer may decide where a data set leaves it open. */
export interface ReadingChoices {
  /** What values in mask files mean; `auto` looks at them. */
  readonly masks: "auto" | "binary" | "instances" | "classes";
  /** Whether separate parts of one mask file's value become objects of their own. */
  readonly splitParts: boolean;
  /** Share of the entries that may be at fault; undefined: a tenth, and a few in any set. */
  readonly maxSkippedShare: number | undefined;
  /** Whose annotation counts where one image has several: the last one changed, the first, or what most agree on. */
  readonly annotators: "last" | "first" | "consensus";
}

export const defaultChoices: ReadingChoices = {
  masks: "auto",
  splitParts: false,
  maxSkippedShare: undefined,
  annotators: "last",
};

/** What a format reads with. */
export interface FormatContext {
  readonly zip: ArchiveReader;
  /** Tables with pictures, which lie in `zip` under names of their own. */
  readonly tables: readonly PictureTable[];
  readonly limits: DatasetLimits;
  readonly choices: ReadingChoices;
  readonly finder: ImageFinder;
  readonly report: Report;
  /** Says of a file that it is read, or belongs to what is read. */
  readonly claim: (file: string) => void;
  readonly isClaimed: (file: string) => boolean;
  /** A place on disk for what is found and needed later; it goes with the data set. */
  readonly openSpool: () => Spool;
  /** Told of every file before it is read. */
  readonly reading?: ((file: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface DatasetOptions {
  /** What is left out is taken from `defaultLimits`. */
  readonly limits?: Partial<DatasetLimits> | undefined;
  /** What is left out is taken from `defaultChoices`. */
  readonly choices?: Partial<ReadingChoices> | undefined;
  /** Whether the path is that of a listing of files that lie elsewhere: see listed.ts. */
  readonly listed?: boolean | undefined;
  /** What files that are needed meanwhile are named after; left out, the archive's own path. */
  readonly work?: string | undefined;
  /** Decodes an image whole; throws AppError when it can't (`Inference.inspect`). */
  readonly inspect: (bytes: Uint8Array) => Promise<ItemFacts>;
  /** Where what is left out is listed; null: it is only counted. */
  readonly reportPath?: string | null | undefined;
  /** Told of every file before it is read. */
  readonly reading?: ((file: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An image of a data set that another process reads: its bytes in a file, its annotations in one part or several. */
export interface ItemPart extends Omit<DatasetItem, "bytes"> {
  readonly byteLength: number;
  /** Path of the file with the image's bytes, which is the reader's to remove; null in the parts after the first. */
  readonly path: string | null;
}

/** What was left out and decided so far. */
export interface DatasetTold {
  readonly skipped: readonly SkippedCount[];
  readonly notes: readonly ImportNote[];
}

/** What a child process says first. */
export interface OpenedApart extends DatasetSummary {
  /** Place of the first image that it gives: not 0 where it goes on from the state that it was given. */
  readonly first: number;
}

/** Where a walk stands, and what it has left out since the mark before: all that one which goes on from here needs. */
export interface WalkMark {
  readonly walk: WalkState;
  readonly counted: CountedState;
  /** Lines of the report. */
  readonly lines: readonly string[];
}

/** What came of a data set that was read to its end. */
export interface DatasetEnd extends DatasetTold {
  readonly summary: ImportSummary;
  /** Path of the picture of six images with their masks; null where there is none. */
  readonly picturePath: string | null;
}

/** What the names and the annotation files of a zip say. */
export interface DatasetSummary extends DatasetTold {
  /** What was recognised, such as `coco`; several are joined by `+`. */
  readonly layout: string;
  /** Images that `items` will give, duplicates counted once. */
  readonly images: number;
  /** Masks and annotations at most: equal ones on one image are told once, and a mask file may hold several objects. */
  readonly annotations: number;
}

/** An opened zip whose layout, names and pairing are checked; its pixels are not yet. */
export interface Dataset extends DatasetSummary {
  /**
   * Every image, in the order of names, one at a time: only one image and one mask are in memory.
   * Can be walked again; what is left out is told by the first walk alone, at whose end too much of it throws.
   * Throws AppError import_skipped_too_much, import_layout_unknown, import_zip_invalid, or the signal's reason.
   */
  items(options?: WalkOptions): AsyncGenerator<DatasetItem, void, undefined>;
  /** Some images again, by their places in that order; those that can't be read are passed over. */
  pick(places: readonly number[]): AsyncGenerator<DatasetItem, void, undefined>;
  /** Whether a state is of these data. */
  goesOn(from: WalkState): boolean;
  /** Where the first walk stands after the image that it gave last, or its end. */
  state(): WalkState;
  /** Lines of the report that the walk has added since this was asked last. */
  takeLines(): readonly string[];
  /** What was left out and decided by now. */
  told(): DatasetTold;
  close(): Promise<void>;
}
