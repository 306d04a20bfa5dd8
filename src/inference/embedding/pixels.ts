import { LRUCache } from "lru-cache";
import type { RgbImage } from "../../imaging/types.ts";
import type { ImageSource } from "../types.ts";

/** Bytes of pixels that are kept: some seven photographs of twelve megapixels. */
const mostBytes = 256 * 1024 * 1024;

/** Decoded images, 3 bytes a pixel, on shared memory so that workers read them without a copy. */
export class Pixels {
  readonly #kept = new LRUCache<string, Promise<RgbImage>>({
    maxSize: mostBytes,
    // The size is known once it is decoded; until then a guess that is not small.
    sizeCalculation: () => 36 * 1024 * 1024,
  });
  readonly #decode: (source: { sha256: string; bytes: Uint8Array }) => Promise<RgbImage>;

  constructor(decode: (source: { sha256: string; bytes: Uint8Array }) => Promise<RgbImage>) {
    this.#decode = decode;
  }

  /** Throws what decoding an image throws. */
  of(image: ImageSource): Promise<RgbImage> {
    const kept = this.#kept.get(image.sha256);
    if (kept) return kept;
    const made = (async () => this.#decode({ sha256: image.sha256, bytes: await image.bytes() }))();
    this.#kept.set(image.sha256, made);
    made.then(
      ({ data }) => this.#kept.set(image.sha256, made, { size: data.byteLength }),
      () => this.#kept.delete(image.sha256),
    );
    return made;
  }

  forget(sha256: string): void {
    this.#kept.delete(sha256);
  }
}
