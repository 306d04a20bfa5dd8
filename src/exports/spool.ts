import { createReadStream, createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { temporaryFolder } from "../lib/temporary.ts";
import { StreamDigest } from "../lib/hash.ts";

/** A file that `make` writes at the path it is given, in a temporary folder that goes with the stream of its content. */
export async function fileInFolder<Facts extends object>(
  make: (path: string) => Promise<Facts>,
): Promise<Facts & { content: Readable }> {
  const folder = await temporaryFolder("export");
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const path = join(folder, "file");
    const facts = await make(path);
    const content = createReadStream(path);
    content.once("close", () => void remove());
    return { ...facts, content };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Writes a stream into a temporary file, so that its length and hash are known before its first byte is sent. */
export const spool = (source: Readable): Promise<{ bytes: number; sha256: string; content: Readable }> =>
  fileInFolder(async (path) => {
    const digest = new StreamDigest();
    await pipeline(
      source,
      (chunks: AsyncIterable<Uint8Array>) => digest.through(chunks),
      createWriteStream(path),
    );
    return { bytes: digest.bytes, sha256: digest.sha256() };
  });
