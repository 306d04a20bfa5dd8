import { AppError } from "../lib/errors.ts";
import type { Box, RgbImage, Size } from "./types.ts";

/** The pixels of one rectangle, row-major. Throws what checkRegion throws. */
export function cropImage(image: RgbImage, region: Box): RgbImage {
  checkRegion(region, [image.height, image.width]);
  const [x0, y0, x1, y1] = region;
  const [width, height] = [x1 - x0, y1 - y0];
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = ((y + y0) * image.width + x0) * 3;
    data.set(image.data.subarray(from, from + width * 3), y * width * 3);
  }
  return { width, height, data };
}

/** The same of a plane of numbers, row-major [height, width] of `size`. */
export function cropPlane(plane: Float32Array, size: Size, region: Box): Float32Array {
  checkRegion(region, size);
  const [x0, y0, x1, y1] = region;
  const out = new Float32Array((x1 - x0) * (y1 - y0));
  for (let y = y0, to = 0; y < y1; y++, to += x1 - x0) {
    out.set(plane.subarray(y * size[1] + x0, y * size[1] + x1), to);
  }
  return out;
}

/** Throws AppError box_outside_image or box_zero_area (param `region`) unless it is whole pixels inside the image. */
export function checkRegion([x0, y0, x1, y1]: Box, [height, width]: Size): void {
  const text = `region [${[x0, y0, x1, y1].join(", ")}]`;
  const inside =
    [x0, y0, x1, y1].every(Number.isInteger) && x0 >= 0 && y0 >= 0 && x1 <= width && y1 <= height;
  if (!inside) {
    const message = `${text} is not whole pixels inside the image, ${width} x ${height}`;
    throw new AppError("box_outside_image", message, { param: "region" });
  }
  if (x1 <= x0 || y1 <= y0) throw new AppError("box_zero_area", `${text} has no area`, { param: "region" });
}
