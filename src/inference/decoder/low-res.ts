import { writeLogits } from "../../imaging/wire-mask.ts";
import type { LogitsMask } from "../../imaging/types.ts";

/**
 * Low-res logits [256, 256] as a mask whose text is written when it is first read: most are kept for a next click that
 * never comes, and 350 kB of base64 each cost more than all the rest of an answer.
 */
export function lazyLogits(lowRes: Float32Array): LogitsMask {
  let text: string | undefined;
  return {
    format: "logits",
    shape: [256, 256],
    dtype: "float32",
    get data() {
      return (text ??= writeLogits(lowRes, [256, 256]).data);
    },
  };
}
