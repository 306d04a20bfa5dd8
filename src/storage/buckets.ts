import { Readable } from "node:stream";
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { AppError, messageOf } from "../lib/errors.ts";
import type { BucketPlace } from "./bucket-places.ts";
import { unavailable } from "./failures.ts";
import { s3Client, type S3Options } from "./s3-client.ts";

/** An object that someone else has put into a bucket. */
export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
  /** What the server tells contents apart by, with its quotation marks. */
  readonly etag: string;
  /** Why it can't be read where it lies; null where it can. */
  readonly asleep: string | null;
}

/** Seconds that links are good for: SigV4's most, though a role's credentials may end before. */
const linkSeconds = 7 * 24 * 3600;

/** Buckets of others, by this installation's own credentials; who may ask for which is bucket-places.ts's to say. */
export class Buckets {
  readonly #options: Omit<S3Options, "bucket">;
  #client: ReturnType<typeof s3Client> | undefined;

  constructor(options: Omit<S3Options, "bucket">) {
    this.#options = options;
  }

  /** All objects of a place in the order of their keys, a page at a time. Throws AppError bucket_unreadable or unavailable. */
  async *list({ bucket, prefix }: BucketPlace, signal?: AbortSignal): AsyncGenerator<ListedObject[], void> {
    let token: string | undefined;
    do {
      const page = await this.#s3
        .send(
          new ListObjectsV2Command({
            Bucket: bucket,
            Prefix: prefix,
            ContinuationToken: token,
            MaxKeys: this.#options.pageSize ?? 1000,
          }),
          signal ? { abortSignal: signal } : {},
        )
        .catch((error: unknown) => {
          signal?.throwIfAborted();
          throw refused("bucket_unreadable", `the bucket ${bucket} can't be listed`, error);
        });
      yield (page.Contents ?? []).flatMap(({ Key, Size, ETag, StorageClass }) =>
        Key === undefined
          ? []
          : [{ key: Key, bytes: Size ?? 0, etag: ETag ?? "", asleep: asleepIn(StorageClass) }],
      );
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  /** A link that gives one object to whoever has it, for as long as the credentials behind it last. */
  async link(bucket: string, key: string): Promise<string> {
    return getSignedUrl(this.#s3, new GetObjectCommand({ Bucket: bucket, Key: key }), {
      expiresIn: linkSeconds,
    });
  }

  /** Writes an object, with its SHA-256 as metadata. Throws AppError bucket_unwritable or unavailable. */
  async put(
    { bucket, key }: { readonly bucket: string; readonly key: string },
    file: {
      readonly body: Uint8Array | Readable;
      readonly bytes: number;
      readonly sha256: string;
      readonly contentType: string;
    },
  ): Promise<void> {
    const { body, bytes, contentType, sha256 } = file;
    try {
      await this.#s3.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          Body: body,
          ContentLength: bytes,
          ContentType: contentType,
          Metadata: { sha256 },
        }),
      );
    } catch (error) {
      throw refused("bucket_unwritable", `${bucket}/${key} can't be written`, error);
    } finally {
      // A file that was not sent to its end would stay open.
      if (body instanceof Readable) body.destroy();
    }
  }

  /** The SHA-256 that an export has noted with an object; null where there is none. Throws as `put` does. */
  async noted(bucket: string, key: string): Promise<string | null> {
    try {
      const head = await this.#s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
      return head.Metadata?.["sha256"] ?? null;
    } catch (error) {
      if (error instanceof S3ServiceException && ["NoSuchKey", "NotFound"].includes(error.name)) return null;
      // A role that may only write is told 403 of what is not there.
      if (error instanceof S3ServiceException && error.$metadata.httpStatusCode === 403) return null;
      throw refused("bucket_unwritable", `${bucket}/${key} can't be looked at`, error);
    }
  }

  close(): void {
    this.#client?.destroy();
    this.#client = undefined;
  }

  get #s3(): ReturnType<typeof s3Client> {
    return (this.#client ??= s3Client(this.#options));
  }
}

/** Classes whose objects have to be called back before they are read. */
const asleepIn = (storageClass: string | undefined): string | null =>
  storageClass === "GLACIER" || storageClass === "DEEP_ARCHIVE"
    ? `it lies in ${storageClass}: restore it first`
    : null;

/** What the server refuses is told as such; what may pass by itself is tried again by whoever asked. */
function refused(code: "bucket_unreadable" | "bucket_unwritable", what: string, error: unknown): AppError {
  const status = error instanceof S3ServiceException ? (error.$metadata.httpStatusCode ?? 500) : 500;
  if (status >= 500 || status === 429) return unavailable("answer", error);
  const name = error instanceof Error ? error.name : "Error";
  return new AppError(code, `${what}: ${name}, ${messageOf(error)}`, { cause: error, param: "bucket" });
}
