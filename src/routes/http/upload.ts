import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Busboy } from "@fastify/busboy";
import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { AppError, type ErrorCode } from "../../lib/errors.ts";
import { StreamDigest } from "../../lib/hash.ts";
import type { Env } from "./router.ts";

/** Refuses a body above `bytes`, before it is read where its length is told, at the limit where it is not. */
export const limitBody = (bytes: number) =>
  bodyLimit({
    maxSize: bytes,
    onError: () => {
      throw tooLarge("body_too_large", bytes);
    },
  });

const tooLarge = (code: ErrorCode, bytes: number): AppError =>
  new AppError(code, `The body is larger than the ${bytes} bytes allowed here.`);

const contentTypeOf = (c: Context): string =>
  (c.req.header("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";

export interface Upload {
  readonly bytes: Uint8Array;
  readonly fileName: string | null;
  /** The text fields beside the file; empty for a raw body. */
  readonly fields: Readonly<Record<string, string>>;
}

/**
 * A small upload, whole in memory: the multipart field `file`, or the raw body of any type but JSON.
 * Throws AppError unsupported_media_type, invalid_request.
 */
export async function readUpload(c: Context<Env>): Promise<Upload> {
  const type = contentTypeOf(c);
  if (type === "application/json") {
    throw new AppError(
      "unsupported_media_type",
      "Send the file itself, or multipart/form-data with a field `file`.",
    );
  }
  if (type !== "multipart/form-data") {
    return { bytes: new Uint8Array(await c.req.arrayBuffer()), fileName: null, fields: {} };
  }
  let form: FormData;
  try {
    form = await c.req.formData();
  } catch (cause) {
    throw new AppError("invalid_request", "The multipart body can't be read.", { cause });
  }
  const file = form.get("file");
  if (!(file instanceof File)) throw noFile();
  const fields: Record<string, string> = {};
  for (const [name, value] of form) if (typeof value === "string") fields[name] = value;
  return { bytes: new Uint8Array(await file.arrayBuffer()), fileName: cleanName(file.name), fields };
}

const noFile = (): AppError =>
  new AppError("invalid_request", "file: the multipart body has no file of this name.", { param: "file" });

/** The last part of a path, at most 255 characters; a name is for people and never becomes a path of ours. */
export const cleanName = (name: string | undefined): string | null =>
  basename((name ?? "").replaceAll("\0", "")).slice(0, 255) || null;

export interface FileUpload {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly fileName: string | null;
}

/**
 * A large upload, streamed into a temporary file that is gone once `use` has ended. The multipart field `file`, or
 * the raw body. Throws AppError import_too_large, invalid_request.
 */
export async function withFileUpload<T>(
  c: Context<Env>,
  limit: number,
  use: (file: FileUpload) => Promise<T>,
): Promise<T> {
  if (Number(c.req.header("content-length") ?? 0) > limit) throw tooLarge("import_too_large", limit);
  const folder = await mkdtemp(join(tmpdir(), "maskwright-upload-"));
  try {
    return await use(await receive(c, join(folder, "upload"), limit));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function receive(c: Context<Env>, path: string, limit: number): Promise<FileUpload> {
  const { body } = c.req.raw;
  if (!body) throw new AppError("invalid_request", "The request has no body.");
  const source = Readable.fromWeb(body);
  const sink = countingSink(path, limit);
  let fileName: string | null = null;
  try {
    if (contentTypeOf(c) === "multipart/form-data") {
      fileName = await receiveMultipart(c, source, sink.write);
    } else {
      await sink.write(source);
    }
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError("invalid_request", "The upload broke off or can't be read.", { cause });
  }
  return { path, fileName, ...sink.result() };
}

/** Writes one stream into a file, counting and hashing; fails as soon as it passes the limit. */
function countingSink(path: string, limit: number) {
  const digest = new StreamDigest();
  async function* limited(chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of digest.through(chunks)) {
      if (digest.bytes > limit) throw tooLarge("import_too_large", limit);
      yield chunk;
    }
  }
  return {
    write: (stream: Readable): Promise<void> => pipeline(stream, limited, createWriteStream(path)),
    result: () => ({ bytes: digest.bytes, sha256: digest.sha256() }),
  };
}

/** Hands the first field `file` to `write`; resolves with its name once all is written. */
async function receiveMultipart(
  c: Context<Env>,
  source: Readable,
  write: (stream: Readable) => Promise<void>,
): Promise<string | null> {
  const parser = new Busboy({ headers: { "content-type": c.req.header("content-type") ?? "" } });
  const refused = new AbortController();
  let written: Promise<string | null> | undefined;
  parser.on("file", (field, stream, name) => {
    if (field !== "file" || written) {
      // A body that breaks off inside this part fails it too, and an error that nobody hears ends the process.
      stream.on("error", () => {});
      stream.resume();
      return;
    }
    written = write(stream).then(() => cleanName(name));
    // The parser would wait for its file to be read on, and for ever.
    written.catch((error: unknown) => refused.abort(error));
  });
  try {
    await pipeline(source, parser, { signal: refused.signal });
  } catch (error) {
    // Why the file was refused is worth more than that the parser was stopped.
    await written;
    throw error;
  }
  if (!written) throw noFile();
  return written;
}
