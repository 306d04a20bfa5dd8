import { Readable } from "node:stream";
import { finished } from "node:stream/promises";
import { ZipFile } from "yazl";

export interface ZipEntry {
  /** Relative, with forward slashes. */
  readonly path: string;
  /** The bytes, or how to read them when their turn comes. */
  readonly content: Uint8Array | (() => Readable);
}

/** An entry whose content is made when its turn comes. */
export interface StreamedEntry {
  readonly path: string;
  readonly compress: boolean;
  readonly content: AsyncIterable<Uint8Array>;
}

/** Entries carry no date of their own: DOS time begins here. */
const epoch = new Date(1980, 0, 1);

/**
 * A zip of these entries in their order, stored without compression (weights hardly shrink). The same entries give the
 * same bytes. A source that fails destroys the stream with its error.
 */
export function storedZip(entries: Iterable<ZipEntry>): Readable {
  const zip = new ZipFile();
  const options = { compress: false, mtime: epoch, forceDosTimestamp: true, mode: 0o100644 };
  const output = zip.outputStream as Readable;
  zip.on("error", (error: Error) => output.destroy(error));
  for (const { path, content } of entries) {
    if (typeof content !== "function") {
      const { buffer, byteOffset, byteLength } = content;
      zip.addBuffer(Buffer.from(buffer, byteOffset, byteLength), path, options);
      continue;
    }
    zip.addReadStreamLazy(path, options, (give) => {
      const source = content();
      source.once("error", (error) => output.destroy(error));
      give(null, source);
    });
  }
  zip.end();
  return output;
}

/**
 * A zip of entries that come one by one: only the one whose turn it is, and the names of all, are in memory. The same
 * entries give the same bytes. A source that fails destroys the stream with its error.
 */
export function streamedZip(entries: AsyncIterable<StreamedEntry>): Readable {
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  zip.on("error", (error: Error) => output.destroy(error));
  // The zip keeps what it is given to its end: that is one function for all entries, and not their contents.
  let source = Readable.from([]);
  const give = (to: (error: unknown, stream: Readable) => void): void => to(null, source);
  const add = async (): Promise<void> => {
    for await (const { path, compress, content } of entries) {
      source = Readable.from(content, { objectMode: false });
      const ended = finished(source);
      zip.addReadStreamLazy(path, { compress, mtime: epoch, forceDosTimestamp: true, mode: 0o100644 }, give);
      await ended;
    }
    zip.end();
  };
  add().catch((error: unknown) => output.destroy(error as Error));
  return output;
}
