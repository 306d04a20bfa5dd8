import { maskTextLength } from "../../imaging/mask-text.ts";
import type { RleMask } from "../../imaging/types.ts";
import { AppError } from "../../lib/errors.ts";
import type { WriteTask, WrittenMask } from "../everything/write-masks.ts";
import { inGroups } from "../turns/lanes.ts";
import type { FindRequest, FoundObject } from "./types.ts";

/** Masks of one task. */
const masksPerTask = 16;

interface WriteDeps {
  masks(task: WriteTask): Promise<WrittenMask[]>;
}

type Written = Pick<FindRequest, "format" | "polygonTolerance" | "image" | "signal" | "maxAnswerText">;

/** Writes masks as they are asked for, and counts their text over all versions. */
export class Answers {
  #left: number;
  readonly #request: Written;

  constructor(request: Written) {
    this.#left = request.maxAnswerText;
    this.#request = request;
  }

  /** Throws AppError answer_too_large. */
  async write(deps: WriteDeps, objects: readonly FoundObject[]): Promise<FoundObject[]> {
    const { format, polygonTolerance, image, signal } = this.#request;
    const written: FoundObject[] = [];
    for (const some of inGroups(objects, masksPerTask)) {
      signal?.throwIfAborted();
      const crop = [0, 0, image.size[1], image.size[0]] as const;
      const masks =
        format === "rle"
          ? some
          : await deps.masks({
              masks: some.map(({ mask, bbox, area }) => ({ mask: mask as RleMask, crop, bbox, area })),
              size: image.size,
              minArea: 0,
              format,
              polygonTolerance,
            });
      for (const [i, object] of some.entries()) {
        const { mask } = masks[i] as Pick<WrittenMask, "mask">;
        this.#left -= maskTextLength(mask);
        written.push({ ...object, mask });
      }
      if (this.#left < 0)
        throw new AppError(
          "answer_too_large",
          `The masks that were found take more than the ${this.#request.maxAnswerText} characters that an answer may have. Ask for fewer objects or versions, or for run lengths (format rle).`,
          { param: "max_objects" },
        );
    }
    return written;
  }
}
