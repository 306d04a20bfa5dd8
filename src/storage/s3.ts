import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { sha256 } from "../lib/hash.ts";
import { conflict, corrupted, notFound, unavailable } from "./failures.ts";
import { checkKey, checkPrefix } from "./key-check.ts";
import type { ObjectInfo, ObjectStore } from "./store.ts";

export interface S3Options {
  bucket: string;
  region: string;
  /** Left out, Amazon's own. */
  endpoint?: string | undefined;
  forcePathStyle?: boolean;
  /** Left out, what the environment or the machine's role gives. */
  credentials?: { accessKeyId: string; secretAccessKey: string };
  /** Keys of one page of a listing; at most 1000. */
  pageSize?: number;
}

/** Objects in a bucket of S3 or of anything that speaks its protocol; the SHA-256 stands in the metadata `sha256`. */
export class S3Store implements ObjectStore {
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #pageSize: number;

  constructor(options: S3Options) {
    this.#bucket = options.bucket;
    this.#pageSize = options.pageSize ?? 1000;
    this.#client = new S3Client({
      region: options.region,
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
      ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
      forcePathStyle: options.forcePathStyle ?? false,
      // Other servers than Amazon's don't know its newer checksums, or store them inside the object. We have our own.
      requestChecksumCalculation: "WHEN_REQUIRED",
      responseChecksumValidation: "WHEN_REQUIRED",
      maxAttempts: 4,
      requestHandler: { connectionTimeout: 5_000, requestTimeout: 60_000 },
    });
  }

  async put(key: string, data: Uint8Array, options: { contentType?: string } = {}): Promise<ObjectInfo> {
    checkKey(key);
    const digest = sha256(data);
    const put = new PutObjectCommand({
      Bucket: this.#bucket,
      Key: key,
      Body: data,
      ContentLength: data.length,
      ContentType: options.contentType ?? "application/octet-stream",
      Metadata: { sha256: digest },
      IfNoneMatch: "*",
    });
    for (let attempt = 1; ; attempt++) {
      // Looked for first, because some servers take If-None-Match and ignore it.
      const existing = await this.stat(key);
      if (existing !== null) {
        if (existing.sha256 !== digest) throw conflict(key);
        return existing;
      }
      try {
        await this.#client.send(put);
        return { key, bytes: data.length, sha256: digest };
      } catch (error) {
        // 412: someone else was first. 409: someone else is writing, or deleting, right now.
        const status = statusOf(error);
        if ((status !== 412 && status !== 409) || attempt === 5) throw unavailable("write", error);
      }
    }
  }

  async get(key: string): Promise<Buffer> {
    checkKey(key);
    // A connection may break, or bytes be damaged, on the way; what is damaged twice is damaged in the store.
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
        const data = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
        const expected = answer.Metadata?.["sha256"] ?? "not recorded";
        const found = sha256(data);
        if (found === expected) return data;
        if (attempt === 2) throw corrupted(key, expected, found);
      } catch (error) {
        if (isMissing(error)) throw notFound(key, error);
        if (error instanceof S3ServiceException || attempt === 2) throw unavailable("read", error);
      }
    }
  }

  async stat(key: string): Promise<ObjectInfo | null> {
    checkKey(key);
    try {
      const head = await this.#client.send(new HeadObjectCommand({ Bucket: this.#bucket, Key: key }));
      return { key, bytes: head.ContentLength ?? 0, sha256: head.Metadata?.["sha256"] ?? "not recorded" };
    } catch (error) {
      if (isMissing(error)) return null;
      throw unavailable("read", error);
    }
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    try {
      await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: key }));
    } catch (error) {
      if (!isMissing(error)) throw unavailable("delete", error);
    }
  }

  async *list(prefix: string): AsyncIterable<string> {
    checkPrefix(prefix);
    let token: string | undefined;
    do {
      const page = await this.#client
        .send(
          new ListObjectsV2Command({
            Bucket: this.#bucket,
            Prefix: prefix,
            MaxKeys: this.#pageSize,
            ContinuationToken: token,
          }),
        )
        .catch((error: unknown) => {
          throw unavailable("list", error);
        });
      for (const { Key } of page.Contents ?? []) if (Key !== undefined) yield Key;
      token = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async check(): Promise<void> {
    const probe = { Bucket: this.#bucket, Key: "maskwright-check" };
    try {
      await this.#client.send(new PutObjectCommand({ ...probe, Body: new Uint8Array(1) }));
      await this.#client.send(new DeleteObjectCommand(probe));
    } catch (error) {
      throw unavailable("write", error);
    }
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }
}

const statusOf = (error: unknown): number | undefined =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;

/** HEAD answers have no body, so the name of the error is all there is; a missing bucket is another matter. */
const isMissing = (error: unknown): boolean =>
  error instanceof S3ServiceException && ["NoSuchKey", "NotFound"].includes(error.name);
