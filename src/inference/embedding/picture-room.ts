import { decodeBytes } from "../../imaging/decode.ts";
import { mostDecodeBytes } from "../../imaging/decode-cost.ts";
import { createMemoryBudget, type MemoryBudget } from "../../lib/memory-budget.ts";

/** Whoever has waited so long for room to decode a picture is told to come later. */
const waitMs = 60_000;

/**
 * Memory in which pictures are decoded, whichever thread does it: one that is as large as may be, or several small ones.
 * It is no part of the budget that requests ask, as those that wait here hold their bodies from there.
 */
export class PictureRoom {
  readonly #maxPixels: number;
  readonly #room: MemoryBudget;

  constructor(maxPixels: number) {
    this.#maxPixels = maxPixels;
    // One key holds three quarters of a budget.
    this.#room = createMemoryBudget(Math.ceil((mostDecodeBytes(maxPixels) * 4) / 3));
  }

  /** Throws what `work` throws, and AppError overloaded. */
  async with<T>(file: Uint8Array | string, work: () => Promise<T>): Promise<T> {
    const bytes = await decodeBytes(file, { maxPixels: this.#maxPixels });
    return this.#room.hold(
      Math.min(bytes, this.#room.most),
      { by: "pictures", what: "This picture", waitMs },
      work,
    );
  }
}
