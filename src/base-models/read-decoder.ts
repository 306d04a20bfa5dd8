import { RefusedFile } from "../checkpoint/refused.ts";
import { ChildStopped } from "../lib/child/limits.ts";
import { type Asking, ChildPool } from "../lib/child/pool.ts";
import type * as decoderChild from "./decoder-child.ts";
import type { DecoderFacts, DecoderPaths, Readable } from "./decoder-child.ts";

export type { DecoderFacts };

/**
 * A decoder has 16 MB of weights; reading one takes about 135 MiB of a child, most of them for Node itself. One file at a
 * time, as each that waits is on disk.
 */
const children = new ChildPool<typeof decoderChild>({
  module: new URL("./decoder-child.ts", import.meta.url),
  limits: { heapMiB: 160, memoryMiB: 384, silenceMs: 60_000, valueMiB: 1 },
  most: 1,
});

/**
 * Reads the decoder of a file in a child process, every tensor checked, and writes it to `weightsPath` as a version's
 * weights are stored. Files wait for their turn by `by`.
 * Throws RefusedFile for whatever is wrong with the file, or the signal's reason.
 */
export async function readDecoder(files: DecoderPaths, asking: Asking): Promise<DecoderFacts> {
  return orRefused(await children.run("decoder", files, asking).catch(stopped));
}

/** A child's answer, with its refusal thrown here. */
export function orRefused<T>(read: Readable<T>): T {
  if ("refused" in read) throw new RefusedFile(read.refused.reason, read.refused.message);
  return read.value;
}

/** A file that ends its reader is refused. */
export function stopped(error: unknown): never {
  if (error instanceof ChildStopped)
    throw new RefusedFile("unreadable", `it can't be read: ${error.message}`, { cause: error });
  throw error;
}
