import type { MaskFormat, Size } from "../imaging/types.ts";
import { AppError } from "../lib/errors.ts";

const KiB = 1024;

interface AskedAnswer {
  readonly format: MaskFormat;
  /** Masks of all prompts and versions. */
  readonly masks: number;
  /** [height, width] of the image. */
  readonly size: Size;
  /** Whether some version looks closer or refines: its logits are kept at the image's size. */
  readonly closer: boolean;
}

/**
 * Bytes that answering prompts may take, from what is known before: what each mask is as it is made, sent between threads
 * and written, and what a worker draws one mask on.
 */
export function answerCost({ format, masks, size: [height, width], closer }: AskedAnswer): number {
  const pixels = height * width;
  // Only run lengths and logits of the whole image are made without drawing one mask at a time.
  const drawn = closer || format === "polygon" || format === "png" ? 6 * pixels : 0;
  if (format === "rle") return drawn + masks * (4 * KiB + 24 * width);
  if (format === "logits") return masks * (1024 * KiB + (closer ? 8 * pixels : 0));
  return drawn + masks * (4 * KiB + (format === "polygon" ? 100 : 8) * (height + width));
}

const MiB = 1024 * KiB;
/** Text that every answer may have, whatever was reckoned: speckled masks are longer than smooth ones. */
const freeText = 16 * MiB;

/** Characters that the masks of an answer may be, given what it was reckoned to take; `limit` is MAX_ANSWER_BYTES. */
export const mostText = (cost: number, limit: number): number => Math.min(limit, Math.max(freeText, cost));

/** Longer than this nobody waits for an answer: proxies and clients give up after a few minutes. */
export const answerMs = 180_000;

/** What whoever asked for more than can be made in that time is told; `hint` says what would fit. */
export const tooLate = (hint: string): AppError =>
  new AppError("overloaded", `This answer was not ready within ${answerMs / 1000} s. ${hint}`, {
    retryAfter: 60,
  });

/**
 * The same of what is found without prompts, by segment-everything's points or a version's finder: it is asked for in small
 * groups, and kept as run lengths until the best are chosen.
 */
export const everythingCost = (points: number, size: Size, format: Exclude<MaskFormat, "logits">): number =>
  answerCost({ format, masks: points, size, closer: true }) +
  answerCost({ format: "rle", masks: 2 * points, size, closer: false });
