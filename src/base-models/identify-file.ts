import { RefusedFile } from "../checkpoint/refused.ts";
import type { TensorFile } from "../checkpoint/tensor-file.ts";
import { type Architectures, type Identified, identify } from "./identify.ts";

/** Parts of SAM, in anybody's names. */
const weight = /(^|\.)(image_encoder|vision_encoder|prompt_encoder|mask_decoder)\..+\.(weight|bias)$/;

/**
 * Which SAM an open file holds, as `identify` tells it. Throws RefusedFile as that does, and `unreadable` where the
 * weights that are missing are there as numbers of a type that is not read.
 */
export function identifyFile(
  { shapes, unread, notes = [] }: Pick<TensorFile, "shapes" | "unread" | "notes">,
  architectures?: Architectures,
): Identified {
  try {
    const identified = identify(shapes, architectures);
    return { ...identified, notes: [...notes, ...identified.notes] };
  } catch (cause) {
    const [first, ...others] = [...unread].filter(([name]) => weight.test(name));
    if (!first) throw cause;
    const more = others.length > 0 ? ` and ${others.length} more` : "";
    throw new RefusedFile(
      "unreadable",
      `${first[0].slice(0, 200)}${more} are of ${first[1].slice(0, 100)}, which is not read: numbers of 16, 32 and 64 bits with a point are. Save the weights as such: {name: tensor.float() for name, tensor in state_dict.items()}, after tensor.dequantize() where they are quantised`,
      { cause },
    );
  }
}
