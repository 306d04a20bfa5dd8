import { joinedRing } from "../../exports/annotations/outlines.ts";
import type { BinaryMask, Box } from "../../imaging/types.ts";
import { AppError } from "../../lib/errors.ts";
import type { Reservation } from "../../lib/memory-budget.ts";
import type { ActionContext, Ask } from "../context.ts";
import type { AnsweredMask } from "../find-objects.ts";
import type { Predicted } from "../predict.ts";

/** Corners of an outline that somebody may still edit; masks with more have none. */
const mostCorners = 5000;
/** People move corners, and want few. */
const outlining = { tolerance: 1, mostCorners };
/** Bytes that a mask's outline takes at most. */
const outlineBytes = 64 * mostCorners;

/** A mask as CVAT takes it: the pixels of its own box, which counts its last column and row in. */
export interface Bits {
  /** 0 and 1, row-major, of the box alone. */
  readonly mask: BinaryMask;
  /** [left, top, right, bottom] in pixels, the last two inclusive. */
  readonly box: Box;
  /** Its outline as one ring [x, y, ...] in pixels; null where none was asked for, or it is too intricate. */
  readonly outline: readonly number[] | null;
}

/** A mask without a pixel: CVAT's own functions send one pixel of background at the origin. */
const nothing: Bits = {
  mask: { width: 1, height: 1, data: new Uint8Array(1) },
  box: [0, 0, 0, 0],
  outline: null,
};

/** What is sent to CVAT, beside what it says. */
export interface Sent {
  /** Memory of the answer: to be released once it is sent. */
  readonly held: Pick<Reservation, "release">;
  /** Closes the entry in the log of predictions. `answerBytes`: of the answer as it is sent. */
  readonly finish: (answerBytes: number) => Promise<void>;
}

export interface AskedBits {
  readonly masks: readonly AnsweredMask[];
  readonly outlines: boolean;
  /** What asks for so much, as the request names it. */
  readonly param: string;
}

/**
 * Masks of a prediction, in run lengths, as bits; and the memory of both, which is released where this fails.
 * Throws AppError answer_too_large, memory_exceeded, overloaded.
 */
export async function bitsOf(
  context: ActionContext,
  ask: Ask,
  predicted: Predicted,
  asked: AskedBits,
): Promise<Sent & { bits: Bits[] }> {
  try {
    const { bits, own } = await drawn(context, ask, predicted, asked);
    const release = (): void => [own, predicted.held].forEach((one) => one.release());
    return { bits, held: { release }, finish: (bytes) => predicted.finish(bytes) };
  } catch (error) {
    predicted.held.release();
    throw error;
  }
}

async function drawn(
  { config, masks: reader, memory }: ActionContext,
  { scope, signal }: Ask,
  { held }: Predicted,
  { masks, outlines, param }: AskedBits,
): Promise<{ bits: Bits[]; own: Reservation }> {
  const pixels = masks.reduce((sum, { bbox: [x0, y0, x1, y1] }) => sum + (x1 - x0) * (y1 - y0), 0);
  if (2 * pixels > config.MAX_ANSWER_BYTES) {
    const message =
      `${param}: CVAT takes masks pixel by pixel, and the boxes of these hold ${pixels}; at most ` +
      `${Math.floor(config.MAX_ANSWER_BYTES / 2)} are sent (MAX_ANSWER_BYTES).`;
    throw new AppError("answer_too_large", message, { param });
  }
  // What is asked for below must not wait for what this answer holds itself.
  held.shrinkTo(textOf(masks));
  const bytes = pixels + masks.length * (outlines ? outlineBytes : 1024);
  const what = { by: scope.workspaceId, what: "This answer", hint: "Send a smaller image.", param, signal };
  const own = await memory.reserve(bytes, what);
  try {
    const bits: Bits[] = [];
    for (const { mask } of masks) {
      if (mask.format !== "rle") throw new Error(`a mask came as ${mask.format}`);
      const cut = await reader.cut({ rle: mask, outline: outlines ? outlining : undefined });
      if (cut === null) {
        bits.push(nothing);
        continue;
      }
      const [left, top, right, bottom] = cut.box;
      const outline = cut.rings && joined(cut.rings, [left, top]);
      bits.push({ mask: cut, box: [left, top, right - 1, bottom - 1], outline });
    }
    return { bits, own };
  } catch (error) {
    own.release();
    throw error;
  }
}

/** Bytes of the run lengths. */
const textOf = (masks: readonly AnsweredMask[]): number =>
  masks.reduce((sum, { mask }) => sum + (mask.format === "rle" ? mask.counts.length : 0), 0);

/** Parts and holes joined by bridges of no width, on the image. */
function joined(rings: readonly number[][], [left, top]: readonly [number, number]): number[] | null {
  const ring = joinedRing(rings);
  if (ring.length < 6 || ring.length > 2 * mostCorners) return null;
  return ring.map((value, i) => value + (i % 2 === 0 ? left : top));
}
