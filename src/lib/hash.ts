import { createHash, hash } from "node:crypto";
import { createReadStream } from "node:fs";

/** SHA-256 as 64 lower-case hex digits. */
export function sha256(data: Uint8Array | string): string {
  return hash("sha256", data, "hex");
}

/** SHA-256 and length of chunks on their way somewhere else. */
export class StreamDigest {
  readonly #hash = createHash("sha256");
  bytes = 0;

  /** The chunks as they come, each measured as it passes. */
  async *through(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.bytes += chunk.length;
      this.#hash.update(chunk);
      yield chunk;
    }
  }

  /** The SHA-256 of all that has passed, 64 lower-case hex digits. To be called once, at the end. */
  sha256(): string {
    return this.#hash.digest("hex");
  }
}

/** Length and SHA-256 of a file, which is streamed. */
export async function digestFile(path: string): Promise<{ bytes: number; sha256: string }> {
  const digest = new StreamDigest();
  // Reading is all: what passes is dropped.
  for await (const _ of digest.through(createReadStream(path)));
  return { bytes: digest.bytes, sha256: digest.sha256() };
}

/** JSON with every object's keys sorted: equal values give equal text, so that its hash means something. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
