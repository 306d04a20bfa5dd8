import type { Readable } from "node:stream";
import { ZipFile } from "yazl";

export interface ZipEntry {
  /** Relative, with forward slashes. */
  readonly path: string;
  /** The bytes, or how to read them when their turn comes. */
  readonly content: Uint8Array | (() => Readable);
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
