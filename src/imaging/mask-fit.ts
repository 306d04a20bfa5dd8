import { orientMask } from "./orientation.ts";
import { decodeRle } from "./rle.ts";
import { type KeptMask, keptPixels } from "./kept-mask.ts";
import type { BinaryMask } from "./types.ts";
import { upright } from "./upright.ts";

interface Size {
  readonly width: number;
  readonly height: number;
}

/** A mask of the stored pixels as it is seen; `size` is that of the stored ones. */
export function seenMask(mask: KeptMask, { width, height }: Size, orientation: number): KeptMask {
  const stored = decodeRle({ format: "rle", size: [height, width], counts: mask.counts });
  return keptPixels(orientMask(stored, orientation));
}

/**
 * How much the picture changes across the masks' outlines: the mean difference of grey levels between a mask's pixels and
 * their neighbours outside, 0 to 255. `bytes` is a picture that sharp reads; masks are of the picture as it is seen.
 */
export async function edgeContrast(
  bytes: Uint8Array,
  size: Size,
  masks: readonly KeptMask[],
): Promise<number> {
  const picture = await upright(bytes);
  const grey = await picture.greyscale().raw().toBuffer();
  if (grey.length !== size.width * size.height) return 0;
  let [sum, count] = [0, 0];
  for (const { counts } of masks) {
    const { data }: BinaryMask = decodeRle({ format: "rle", size: [size.height, size.width], counts });
    const { width } = size;
    // Two pixels to each side of the outline: it is rarely drawn to the very pixel.
    for (let i = 2 * width; i < data.length - 2 * width; i++) {
      for (const step of [1, width]) {
        if (data[i] === data[i + step]) continue;
        sum += Math.abs((grey[i - step] as number) - (grey[i + 2 * step] as number));
        count++;
      }
    }
  }
  return count === 0 ? 0 : sum / count;
}
