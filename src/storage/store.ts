import type { ObjectLinks } from "./links.ts";

/** What a stored object says of itself. */
export interface ObjectInfo {
  readonly key: string;
  readonly bytes: number;
  /** SHA-256 of the content, 64 hex digits. */
  readonly sha256: string;
}

/** What a stored object says when it is asked for by its key. */
export interface StoredObject extends ObjectInfo {
  /** When it was written, by the store's clock. */
  readonly writtenAt: Date;
}

export interface PutFileOptions {
  readonly contentType?: string;
  /** Length and SHA-256 of a file that is given away: it is not read to be measured, and is gone afterwards. */
  readonly given?: { readonly bytes: number; readonly sha256: string };
}

/**
 * Bytes under immutable keys, on local disk or S3; both pass the same tests.
 * A key is written once: the same bytes again are fine, other bytes are `object_conflict`.
 * Every read is checked against the SHA-256 that was recorded at the write.
 */
export interface ObjectStore {
  /** A folder on the store's own disk, which may have to be made: files that lie there are given away without being copied. */
  readonly nearby?: string;
  /** Left out where clients can't reach the store, as on local disk. */
  readonly links?: ObjectLinks;
  /** Writes whole or not at all. Throws AppError `object_conflict`. */
  put(key: string, data: Uint8Array, options?: { contentType?: string }): Promise<ObjectInfo>;
  /** The same from a file of this machine, streamed: an object that is larger than memory. */
  putFile(key: string, path: string, options?: PutFileOptions): Promise<ObjectInfo>;
  /** The whole object. Throws AppError `object_not_found`, or `object_corrupted` when the hash differs. */
  get(key: string): Promise<Buffer>;
  /** The same into a file at `path`, streamed; on failure there is no such file. Throws as `get`. */
  getFile(key: string, path: string): Promise<void>;
  /** Null when the key is not there. */
  stat(key: string): Promise<StoredObject | null>;
  /** No error when the key is not there. */
  delete(key: string): Promise<void>;
  /** All keys below a prefix, in order. */
  list(prefix: string): AsyncIterable<string>;
  /** Throws AppError `unavailable` when the store can't be reached or written. */
  check(): Promise<void>;
  close(): Promise<void>;
}
