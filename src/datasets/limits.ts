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
  /** Inflated bytes of a JSON file that is held in memory whole, as most tools' are that write one for each image. */
  readonly maxDocumentBytes: number;
  /** Inflated bytes of a YAML or text file, which is held in memory whole. */
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
  maxDocumentBytes: 64 * 1024 ** 2,
  maxTextBytes: 32 * 1024 ** 2,
  maxRatio: 200,
  maxImages: 50_000,
  maxAnnotations: 1_000_000,
};
