/** A user's own part of the data. */
export type Part = "train" | "val" | "test";

/** What an importer may decide where a data set leaves it open; what is left out is decided by looking at it. */
export interface ImportOptions {
  /** What values in mask files mean. */
  readonly masks?: "auto" | "binary" | "instances" | "classes" | undefined;
  /** Whether separate parts of one value of a mask file become objects of their own. */
  readonly splitParts?: boolean | undefined;
  /** Share of the entries that may be at fault. */
  readonly maxSkippedShare?: number | undefined;
  /** Whose annotation counts where one image has several. */
  readonly annotators?: "last" | "first" | "consensus" | undefined;
  /** Whether the user's own train, val and test parts are kept; undefined: where there is a test part. */
  readonly respectSplits?: boolean | undefined;
  /** A folder of the server that is read where it lies, and the open one that it lies in; undefined: what was sent. */
  readonly folder?: { readonly root: string; readonly path: string } | undefined;
  /** What lies in a bucket and is read there; undefined: what was sent. */
  readonly bucket?: BucketSource | undefined;
}

/** Where in a bucket data lie. */
export interface BucketSource {
  readonly name: string;
  /** What the keys begin with: empty, or a folder's path with its last `/`. */
  readonly prefix: string;
  /** Whether all is read, whatever an import before this one has read. */
  readonly again: boolean;
}

/** What was left out for one reason. */
export interface SkippedCount {
  /** Left out in imports of before reasons had codes. */
  readonly code?: string | undefined;
  readonly count: number;
  readonly reason: string;
}

/** Something that a reader decided or changed, and that its user should know. */
export interface ImportNote {
  readonly code: string;
  readonly count: number;
  readonly message: string;
}

/** What a data set came to, as far as it was read. */
export interface ImportSummary {
  readonly images: number;
  readonly annotations: number;
  /** Images known to hold no object. */
  readonly backgroundImages: number;
  /** The most frequent first; null is no label. */
  readonly labels: readonly { readonly label: string | null; readonly count: number }[];
  /** Images in each of the user's own parts. */
  readonly parts: Readonly<Partial<Record<Part, number>>>;
}
