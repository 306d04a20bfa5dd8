import type { BinaryMask } from "./types.ts";

/** EXIF's Orientation tag: how the stored pixels have to be turned to be seen upright; 1 is as stored. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

export const isOrientation = (value: number | undefined): value is Orientation =>
  value !== undefined && Number.isInteger(value) && value >= 1 && value <= 8;

/** Whether width and height change places. */
export const swapsSides = (orientation: number): boolean => orientation >= 5;

/**
 * What was drawn on the stored pixels, as it is seen. Source: EXIF 2.32, tag 274: which side of the picture the stored
 * rows and columns begin at.
 */
export function orient<Values extends Uint8Array | Uint16Array | Uint32Array>(
  stored: { readonly width: number; readonly height: number; readonly values: Values },
  orientation: number,
): { width: number; height: number; values: Values } {
  const { width: w, height: h, values } = stored;
  const [width, height] = swapsSides(orientation) ? [h, w] : [w, h];
  const out = values.slice();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [sx, sy] = storedAt(orientation, x, y, w, h);
      out[y * width + x] = values[sy * w + sx] as number;
    }
  }
  return { width, height, values: out as Values };
}

/** The stored place of a pixel that is seen at (x, y). */
function storedAt(orientation: number, x: number, y: number, w: number, h: number): [number, number] {
  switch (orientation) {
    case 2:
      return [w - 1 - x, y];
    case 3:
      return [w - 1 - x, h - 1 - y];
    case 4:
      return [x, h - 1 - y];
    case 5:
      return [y, x];
    case 6:
      return [y, h - 1 - x];
    case 7:
      return [w - 1 - y, h - 1 - x];
    case 8:
      return [w - 1 - y, x];
    default:
      return [x, y];
  }
}

export const orientMask = (mask: BinaryMask, orientation: number): BinaryMask => {
  const { width, height, values } = orient({ ...mask, values: mask.data }, orientation);
  return { width, height, data: values };
};
