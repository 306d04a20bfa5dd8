import { activeArea } from "../imaging/active-area.ts";
import { cropImage, cropPlane } from "../imaging/crop.ts";
import { resizeBilinear } from "../imaging/resize.ts";
import { resizePlane } from "../imaging/resize-plane.ts";
import type { Box, RgbImage, Size } from "../imaging/types.ts";
import type { Refine } from "../domain/focus.ts";
import { refineArea } from "./refine.ts";
import { refineRoom } from "../imaging/refine-room.ts";
import { workingSize } from "../imaging/working-size.ts";

/** The part of a window that may be foreground, with room, at the scale that is worked at. */
export interface WorkArea {
  /** Pixels of the guide below the whole window. */
  readonly working: Size;
  /** The area in these pixels. */
  readonly area: Box;
  readonly size: Size;
  readonly logits: Float32Array;
  readonly guide: RgbImage;
  /** A box of the image, in pixels of the area. */
  readonly boxIn: (box: Box) => Box;
}

/**
 * What is refined of a window's logits, row-major [height, width] at the image's own scale, with `room` pixels round all
 * that may be foreground; null where nothing may be.
 */
export function workArea(logits: Float32Array, image: RgbImage, window: Box, room: number): WorkArea | null {
  const [left, top, right, bottom] = window;
  const size: Size = [bottom - top, right - left];
  const working = workingSize(size);
  const scaled = resizePlane(logits, size, working);
  const area = activeArea(scaled, working, room);
  if (!area) return null;
  const below = resizeBilinear(cropImage(image, window), working[1], working[0]);
  const [down, across] = [working[0] / size[0], working[1] / size[1]];
  return {
    working,
    area,
    size: [area[3] - area[1], area[2] - area[0]],
    logits: cropPlane(scaled, working, area),
    guide: cropImage(below, area),
    boxIn: ([x0, y0, x1, y1]) => [
      (x0 - left) * across - area[0],
      (y0 - top) * down - area[1],
      (x1 - left) * across - area[0],
      (y1 - top) * down - area[1],
    ],
  };
}

/**
 * A window's logits, row-major [height, width] at the image's own scale, refined by the image there. `box` is the
 * prompt's, in pixels of the image, where it had one. Throws what refineArea throws.
 */
export async function refineWindow(
  logits: Float32Array,
  image: RgbImage,
  window: Box,
  { refine, box, threads }: { refine: Refine; box: Box | null; threads: number },
): Promise<Float32Array> {
  const work = workArea(logits, image, window, refineRoom(refine));
  if (!work) return logits;
  const { working, area, size } = work;
  const refined = await refineArea({ ...work, box: box && work.boxIn(box), refine, threads });
  const own: Size = [window[3] - window[1], window[2] - window[0]];
  const out = resizePlane(logits, own, working).slice();
  for (let y = 0; y < size[0]; y++) {
    const row = refined.subarray(y * size[1], (y + 1) * size[1]);
    out.set(row, (area[1] + y) * working[1] + area[0]);
  }
  return resizePlane(out, working, own);
}
