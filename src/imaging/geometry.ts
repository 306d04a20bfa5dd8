import { AppError } from "../lib/errors.ts";
import type { BinaryMask, Box, Point, Size } from "./types.ts";

/** The tight box round the foreground; x1 and y1 are exclusive. [0, 0, 0, 0] for an empty mask. */
export function boxOf({ width, height, data }: BinaryMask): Box {
  let [x0, y0, x1, y1] = [width, -1, 0, 0];
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * width, (y + 1) * width);
    const first = row.indexOf(1);
    if (first === -1) continue;
    if (y0 === -1) y0 = y;
    y1 = y + 1;
    if (first < x0) x0 = first;
    const last = row.lastIndexOf(1) + 1;
    if (last > x1) x1 = last;
  }
  return y0 === -1 ? [0, 0, 0, 0] : [x0, y0, x1, y1];
}

/** Foreground pixels; `box` is the mask's own where the caller knows it, outside of which nothing is looked at. */
export function areaOf({ width, height, data }: BinaryMask, box: Box = [0, 0, width, height]): number {
  const [x0, y0, x1, y1] = box;
  let area = 0;
  for (let y = y0; y < y1; y++) {
    for (let i = y * width + x0; i < y * width + x1; i++) area += data[i] as number;
  }
  return area;
}

/** Intersection over union of two boxes, in [0, 1]; 0 where neither has an area. */
export function boxIou(a: Box, b: Box): number {
  const across = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const down = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const area = (box: Box): number => (box[2] - box[0]) * (box[3] - box[1]);
  const either = area(a) + area(b) - across * down;
  return either === 0 ? 0 : (across * down) / either;
}

/** Throws AppError box_zero_area or box_outside_image (param as given) unless the box lies in [0, width] x [0, height]. */
export function checkBox(box: Box, [height, width]: Size, param = "box"): void {
  const [x0, y0, x1, y1] = box;
  const text = `[${box.join(", ")}]`;
  // Negated comparisons, so that NaN fails them.
  if (
    !(x0 >= 0 && y0 >= 0 && x1 <= width && y1 <= height && x0 <= width && y0 <= height && x1 >= 0 && y1 >= 0)
  ) {
    throw new AppError(
      "box_outside_image",
      `box ${text} does not lie inside the image, ${width} x ${height}`,
      { param },
    );
  }
  if (!(x1 > x0 && y1 > y0)) {
    throw new AppError(
      "box_zero_area",
      `box ${text} has no area; it is [x0, y0, x1, y1] with x1 > x0 and y1 > y0` +
        (x1 > 0 && y1 > 0
          ? `; if these are [x, y, width, height], send [${[x0, y0, x0 + x1, y0 + y1].join(", ")}]`
          : ""),
      { param },
    );
  }
  if (x1 <= 1 && y1 <= 1 && (x1 - x0 < 1 || y1 - y0 < 1)) {
    throw new AppError(
      "box_zero_area",
      `box ${text} is less than a pixel; boxes are in pixels of the image, ${width} x ${height}, not in shares of it`,
      { param },
    );
  }
}

/**
 * The part of a box that lies inside the image; detectors' boxes reach over its edges. Throws AppError box_outside_image
 * (param as given) where none does, and box_zero_area.
 */
export function clipBox(box: Box, size: Size, param = "box"): Box {
  const [height, width] = size;
  const [x0, y0, x1, y1] = box;
  const clipped: Box = [Math.max(0, x0), Math.max(0, y0), Math.min(width, x1), Math.min(height, y1)];
  const hasArea = x1 > x0 && y1 > y0;
  // What has no area anywhere, or no area inside, is refused as it came.
  const inside = hasArea && clipped[2] > clipped[0] && clipped[3] > clipped[1];
  const kept = inside ? clipped : box;
  checkBox(kept, size, param);
  return kept;
}

/** Pixels that a point may lie outside of an image and still mean its edge: clicks are rounded, and scaled. */
const nearEdge = 1;

/**
 * A point at the image's edge where it lies less than a pixel outside. Throws AppError point_outside_image,
 * point_label_unknown (param as given).
 */
export function clipPoint(point: Point, size: Size, param = "point"): Point {
  const [height, width] = size;
  const [x, y, label] = point;
  const [left, top] = [Math.min(width, Math.max(0, x)), Math.min(height, Math.max(0, y))];
  const isNear = Math.abs(left - x) < nearEdge && Math.abs(top - y) < nearEdge;
  const kept: Point = isNear ? [left, top, label] : point;
  checkPoint(kept, size, param);
  return kept;
}

/** Throws AppError point_outside_image or point_label_unknown (param as given) unless the point lies in [0, width] x [0, height]. */
export function checkPoint([x, y, label]: Point, [height, width]: Size, param = "point"): void {
  if (!(x >= 0 && y >= 0 && x <= width && y <= height)) {
    throw new AppError(
      "point_outside_image",
      `point (${x}, ${y}) does not lie inside the image, ${width} x ${height}`,
      { param },
    );
  }
  if (label !== 0 && label !== 1) {
    throw new AppError("point_label_unknown", `point label is ${label}; 1 is foreground, 0 background`, {
      param,
    });
  }
}

/** The smallest box round two; one without area adds nothing. */
export function boxRound(a: Box, b: Box): Box {
  if (a[2] <= a[0]) return b;
  if (b[2] <= b[0]) return a;
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
}
