import { createReadStream } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { digestFile, sha256, StreamDigest } from "../lib/hash.ts";
import { conflict, corrupted, notFound, unavailable } from "./failures.ts";
import { checkKey, checkPrefix } from "./key-check.ts";
import type { ObjectLinks } from "./links.ts";
import { s3Client, type S3Options } from "./s3-client.ts";
import { s3Links } from "./s3-links.ts";
import type { ObjectInfo, ObjectStore, PutFileOptions, StoredObject } from "./store.ts";

/** Objects in a bucket of S3 or of anything that speaks its protocol; the SHA-256 stands in the metadata `sha256`. */
export class S3Store implements ObjectStore {
  readonly links: ObjectLinks;
  readonly #client: S3Client;
  readonly #bucket: string;
  readonly #pageSize: number;

  constructor(options: S3Options) {
    this.#bucket = options.bucket;
    this.#pageSize = options.pageSize ?? 1000;
    this.#client = s3Client(options);
    this.links = s3Links(this.#client, options.bucket);
  }

  async put(key: string, data: Uint8Array, options: { contentType?: string } = {}): Promise<ObjectInfo> {
    return this.#put({ key, bytes: data.length, sha256: sha256(data) }, () => data, options);
  }

  async putFile(key: string, path: string, { given, ...options }: PutFileOptions = {}): Promise<ObjectInfo> {
    const info = { key, ...(given ?? (await digestFile(path))) };
    const put = await this.#put(info, () => createReadStream(path), options);
    if (given) await rm(path, { force: true });
    return put;
  }

  async get(key: string): Promise<Buffer> {
    return this.#get(key, async (body) => {
      const content = await buffer(body);
      return { content, sha256: sha256(content) };
    });
  }

  async getFile(key: string, path: string): Promise<void> {
    try {
      await this.#get(key, async (body) => {
        const digest = new StreamDigest();
        await writeFile(path, digest.through(body));
        return { content: undefined, sha256: digest.sha256() };
      });
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  async stat(key: string): Promise<StoredObject | null> {
    checkKey(key);
    try {
      const head = await this.#client.send(new HeadObjectCommand({ Bucket: this.#bucket, Key: key }));
      return {
        key,
        bytes: head.ContentLength ?? 0,
        sha256: head.Metadata?.["sha256"] ?? "not recorded",
        writtenAt: head.LastModified ?? new Date(),
      };
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

  /** @param body is asked for at every attempt: a stream can be sent once. */
  async #put(
    info: ObjectInfo,
    body: () => Uint8Array | Readable,
    options: { contentType?: string },
  ): Promise<ObjectInfo> {
    const { key } = info;
    checkKey(key);
    for (let attempt = 1; ; attempt++) {
      // Looked for first, because some servers take If-None-Match and ignore it.
      const existing = await this.stat(key);
      if (existing !== null) {
        if (existing.sha256 !== info.sha256) throw conflict(key);
        return info;
      }
      const content = body();
      try {
        await this.#client.send(
          new PutObjectCommand({
            Bucket: this.#bucket,
            Key: key,
            Body: content,
            ContentLength: info.bytes,
            ContentType: options.contentType ?? "application/octet-stream",
            Metadata: { sha256: info.sha256 },
            IfNoneMatch: "*",
          }),
        );
        return info;
      } catch (error) {
        // 412: someone else was first. 409: someone else is writing, or deleting, right now.
        const status = statusOf(error);
        if ((status !== 412 && status !== 409) || attempt === 5) throw unavailable("write", error);
      } finally {
        // A file that was not sent to its end would stay open.
        if (content instanceof Readable) content.destroy();
      }
    }
  }

  /** A connection may break, or bytes be damaged, on the way; what is damaged twice is damaged in the store. */
  async #get<T>(key: string, read: (body: Readable) => Promise<{ content: T; sha256: string }>): Promise<T> {
    checkKey(key);
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key }));
        const found = await read(answer.Body as Readable);
        const expected = answer.Metadata?.["sha256"] ?? "not recorded";
        if (found.sha256 === expected) return found.content;
        if (attempt === 2) throw corrupted(key, expected, found.sha256);
      } catch (error) {
        if (isMissing(error)) throw notFound(key, error);
        if (error instanceof S3ServiceException || attempt === 2) throw unavailable("read", error);
      }
    }
  }
}

const statusOf = (error: unknown): number | undefined =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;

/** HEAD answers have no body, so the name of the error is all there is; a missing bucket is another matter. */
const isMissing = (error: unknown): boolean =>
  error instanceof S3ServiceException && ["NoSuchKey", "NotFound"].includes(error.name);
