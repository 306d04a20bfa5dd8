import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Busboy } from "@fastify/busboy";
import type { Context, MiddlewareHandler } from "hono";
import { temporaryFolder } from "../../lib/temporary.ts";
import { AppError, type ErrorCode, isFull } from "../../lib/errors.ts";
import { StreamDigest } from "../../lib/hash.ts";
import { chunksOf } from "./chunks.ts";
import type { Env } from "./env.ts";

/**
 * Refuses a body above `bytes`, before it is read where its length is told; json-body.ts counts one whose isn't, and holds
 * one that names its image to `naming` bytes.
 */
export function limitBody(bytes: number, naming?: number): MiddlewareHandler<Env> {
  return async (c, next) => {
    // The HTTP parser holds a body to its length. Only asking for it here would make a web stream of it, which is slow.
    if (toldLength(c) > bytes) throw tooLarge(c, "body_too_large", bytes);
    c.set("bodyLimit", { bytes, naming });
    await next();
  };
}

/** Bytes of the body as the client told them; NaN where it didn't. */
export function toldLength(c: Context<Env>): number {
  const isChunked = c.req.header("transfer-encoding") !== undefined;
  return Number.parseInt((isChunked ? undefined : c.req.header("content-length")) ?? "", 10);
}

const MiB = 1024 * 1024;

/** Bytes at most of a body with a mask, which also has to be written down. */
export const maxMaskBody = 16 * MiB;
/** Bytes at most of a body that names its image: prompts take less, mask prompts included. */
export const maxNamingBody = 8 * MiB;

/** Settings that bound bodies; other bounds are no installation's to change. */
const bodySettings = ["MAX_BODY_BYTES", "MAX_IMPORT_BYTES"] as const;

/** A body that is larger than it may be, with the setting that says so, where one does. */
export function tooLarge(c: Context<Env>, code: ErrorCode, bytes: number): AppError {
  const { config } = c.get("reading");
  const setting = bodySettings.find((name) => config[name] === bytes);
  const by = setting === undefined ? "" : ` (${setting})`;
  return new AppError(code, `The body is larger than the ${bytes} bytes allowed here${by}.`);
}

const contentTypeOf = (c: Context): string =>
  (c.req.header("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";

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
  /** The text fields that stood beside the file; none for a raw body. */
  readonly fields: Readonly<Record<string, string>>;
}

interface UploadLimit {
  readonly bytes: number;
  readonly code: ErrorCode;
}

/**
 * An upload, streamed into a temporary file that is gone once `use` has ended: no more of it is in memory than what
 * has just arrived. The multipart field `file`, or the raw body.
 * Throws AppError unsupported_media_type, invalid_request, or `code` above the limit.
 */
export async function withFileUpload<T>(
  c: Context<Env>,
  limitBytes: number,
  use: (file: FileUpload) => Promise<T>,
  code: ErrorCode = "import_too_large",
): Promise<T> {
  const limit = { bytes: limitBytes, code };
  if (contentTypeOf(c) === "application/json") {
    throw new AppError(
      "unsupported_media_type",
      "Send the file itself, or multipart/form-data with a field `file`.",
    );
  }
  // The parts of a multipart body have heads of their own; what they frame is counted as it comes.
  const multipart = contentTypeOf(c) === "multipart/form-data";
  const told = Number(c.req.header("content-length") ?? 0);
  if (told > limit.bytes + (multipart ? headRoom : 0)) throw tooLarge(c, limit.code, limit.bytes);
  const folder = await temporaryFolder("upload");
  try {
    return await use(await receive(c, join(folder, "upload"), limit));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const headRoom = 64 * 1024;
/** Fields of a multipart body, beside the file. */
const mostFields = 20;

async function receive(c: Context<Env>, path: string, limit: UploadLimit): Promise<FileUpload> {
  const source = Readable.from(chunksOf(c));
  const sink = countingSink(path, limit.bytes, () => tooLarge(c, limit.code, limit.bytes));
  let part: Part = { fileName: null, fields: {} };
  try {
    if (contentTypeOf(c) === "multipart/form-data") part = await receiveMultipart(c, source, sink.write);
    else await sink.write(source);
  } catch (cause) {
    if (cause instanceof AppError || isFull(cause)) throw cause;
    throw new AppError("invalid_request", "The upload broke off or can't be read.", { cause });
  }
  return { path, ...part, ...sink.result() };
}

interface Part {
  readonly fileName: string | null;
  readonly fields: Record<string, string>;
}

/** Writes one stream into a file, counting and hashing; fails as soon as it passes the limit. */
function countingSink(path: string, most: number, refusal: () => AppError) {
  const digest = new StreamDigest();
  async function* limited(chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of digest.through(chunks)) {
      if (digest.bytes > most) throw refusal();
      yield chunk;
    }
  }
  return {
    write: (stream: Readable): Promise<void> => pipeline(stream, limited, createWriteStream(path)),
    result: () => ({ bytes: digest.bytes, sha256: digest.sha256() }),
  };
}

/** Hands the first field `file` to `write`; resolves with its name, and the text fields, once all is written. */
async function receiveMultipart(
  c: Context<Env>,
  source: Readable,
  write: (stream: Readable) => Promise<void>,
): Promise<Part> {
  const parser = new Busboy({
    headers: { "content-type": c.req.header("content-type") ?? "" },
    limits: { fields: mostFields, fieldSize: 10_000, parts: 2 * mostFields },
  });
  const refused = new AbortController();
  for (const limit of ["fieldsLimit", "partsLimit"] as const)
    parser.on(limit, () =>
      refused.abort(
        new AppError("invalid_request", `The multipart body has more than ${mostFields} fields.`),
      ),
    );
  const fields: Record<string, string> = {};
  let written: Promise<string | null> | undefined;
  parser.on("field", (name, value) => {
    fields[name] = value;
  });
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
    if (refused.signal.reason instanceof AppError) throw refused.signal.reason;
    // Why the file was refused is worth more than that the parser was stopped.
    await written;
    throw error;
  }
  if (!written) throw noFile();
  return { fileName: await written, fields };
}
