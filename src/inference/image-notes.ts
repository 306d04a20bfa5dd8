/**
 * Small things that are learnt of an image while it is looked at, kept because the next one to ask for them could not afford
 * the look. Whole images alone, not regions. What can't be kept is lost without an error; only `drop` may reject.
 */
export interface ImageNotes {
  /** `vector` as imaging/worth/image-vector.ts makes it, its bytes. One that is there already stays. */
  vector(image: NotedImage & { embeddingId: string }, vector: Uint8Array): Promise<void>;
  /** `doubt` as imaging/worth/doubt.ts counts it; the last one stays. */
  doubt(image: NotedImage & { finderSha256: string }, doubt: number): Promise<void>;
  /** The workspace has no image of these bytes any more. */
  drop(image: NotedImage): Promise<void>;
}

export interface NotedImage {
  readonly workspaceId: string;
  /** The hash of its bytes. */
  readonly sha256: string;
}
