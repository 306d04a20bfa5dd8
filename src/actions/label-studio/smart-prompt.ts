import { clipBox, clipPoint } from "../../imaging/geometry.ts";
import type { Box, Point, Size } from "../../imaging/types.ts";
import { AppError } from "../../lib/errors.ts";
import type { AskedPrompt } from "../asked-prompt.ts";
import type { ActionContext } from "../context.ts";

/** A region that a person has just drawn; coordinates are in percent of the image. */
export interface SmartRegion {
  readonly type?: string | undefined;
  readonly is_positive?: boolean | undefined;
  readonly original_width?: number | null | undefined;
  readonly original_height?: number | null | undefined;
  readonly image_rotation?: number | null | undefined;
  readonly value: {
    readonly x?: number | undefined;
    readonly y?: number | undefined;
    readonly width?: number | undefined;
    readonly height?: number | undefined;
    readonly rotation?: number | null | undefined;
    readonly positive?: boolean | undefined;
    readonly rle?: readonly number[] | null | undefined;
    readonly touches?: readonly Touch[] | undefined;
    readonly [labels: string]: unknown;
  };
}

/** A stroke of the brush, or of the eraser: x, y, x, y, ... */
interface Touch {
  readonly type?: string | undefined;
  readonly relativePoints?: readonly number[] | undefined;
}

export interface SmartPrompt {
  readonly prompt: AskedPrompt;
  /** What the object is to be called; null where the region does not say. */
  readonly label: string | null;
}

/** Points that stand for one stroke, and for all of them: a decoder takes no more than 62. */
const [pointsOfStroke, pointsOfStrokes] = [5, 40];

/**
 * The prompt of all regions together, which describe one object: keypoints are points, of rectangles the last is the box, a
 * brush region is a mask, and its strokes are points along them, the eraser's background. Label Studio's own backends for SAM
 * take keypoints and rectangles so (label-studio-ml-backend, examples/segment_anything_2_image/model.py and
 * segment_anything_video_interactive/model.py). `param` is what the list is called in the request.
 * Throws AppError invalid_request, prompt_empty, mask_size_mismatch, point_outside_image, box_outside_image, box_zero_area, and
 * what MaskReader.keep throws.
 */
export async function smartPrompt(
  { masks }: Pick<ActionContext, "masks">,
  regions: readonly SmartRegion[],
  { size, workspaceId, param }: { size: Size; workspaceId: string; param: string },
): Promise<SmartPrompt> {
  const points: Point[] = [];
  const strokes: Point[][] = [];
  let box: Box | undefined;
  let mask: AskedPrompt["mask"];
  let label: string | null = null;
  for (const [i, region] of regions.entries()) {
    const at = `${param}[${i}]`;
    checkFrame(region, size, at);
    label = labelOf(region) ?? label;
    const { value } = region;
    if (value.rle && value.rle.length > 0) {
      const wire = { format: "brush" as const, rle: Uint8Array.from(value.rle) };
      const { counts } = await masks.keep({ wire, size }, workspaceId).catch((error: unknown) => {
        throw error instanceof AppError ? error.at(`${at}.value.rle`) : error;
      });
      mask = { format: "rle", size: [size[0], size[1]], counts };
    }
    for (const touch of value.touches ?? []) strokes.push(strokePoints(touch, size));
    if (value.x === undefined || value.y === undefined) continue;
    if (value.height !== undefined && value.width !== undefined) {
      box = clipBox(boxOfRectangle(value, size), size, `${at}.value`);
    } else {
      const point: Point = [
        ...pixelOf([value.x, value.y], size),
        (region.is_positive ?? value.positive ?? true) ? 1 : 0,
      ];
      points.push(clipPoint(point, size, `${at}.value`));
    }
  }
  const drawn = [...points, ...thinned(strokes.flat())];
  if (!box && !mask && drawn.length === 0)
    throw new AppError("prompt_empty", `${param}: give a keypoint, a rectangle or a brush.`, { param });
  return {
    prompt: { ...(box && { box }), ...(mask && { mask }), ...(drawn.length > 0 && { points: drawn }) },
    label,
  };
}

/** Throws AppError invalid_request, mask_size_mismatch: it was drawn on another picture. */
function checkFrame(region: SmartRegion, [height, width]: Size, param: string): void {
  if ((region.image_rotation ?? 0) !== 0) {
    const at = `${param}.image_rotation`;
    throw new AppError("invalid_request", `${at}: ${region.image_rotation}; turn the image back to 0.`, {
      param: at,
    });
  }
  const [w, h] = [region.original_width ?? width, region.original_height ?? height];
  if (w === width && h === height) return;
  const at = `${param}.original_width`;
  const message = `${at}: it was drawn on ${w} x ${h} pixels, the project's image of this name has ${width} x ${height}.`;
  throw new AppError("mask_size_mismatch", message, { param: at });
}

function labelOf({ type = "", value }: SmartRegion): string | null {
  const [given] = [value[type], value["labels"]].filter(Array.isArray) as unknown[][];
  const [first] = given ?? [];
  return typeof first === "string" ? first : null;
}

const pixelOf = ([x, y]: readonly [number, number], [height, width]: Size): [number, number] => [
  (x * width) / 100,
  (y * height) / 100,
];

/** The box of a rectangle, which may be turned about its top left corner, clockwise in degrees. */
function boxOfRectangle(
  { x = 0, y = 0, width = 0, height = 0, rotation }: SmartRegion["value"],
  size: Size,
): Box {
  const [left, top] = pixelOf([x, y], size);
  const [w, h] = pixelOf([width, height], size);
  const turn = ((rotation ?? 0) * Math.PI) / 180;
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const xs = [0, w * cos, -h * sin, w * cos - h * sin].map((dx) => left + dx);
  const ys = [0, w * sin, h * cos, w * sin + h * cos].map((dy) => top + dy);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

/** Points of a stroke as far apart as they can be along it; what lies outside of the image is left out. */
function strokePoints({ type, relativePoints = [] }: Touch, size: Size): Point[] {
  const [height, width] = size;
  const label = type === "eraser" ? 0 : 1;
  const all = Array.from({ length: Math.floor(relativePoints.length / 2) }, (_, i): Point => {
    const at = [relativePoints[2 * i] as number, relativePoints[2 * i + 1] as number] as const;
    return [...pixelOf(at, size), label];
  }).filter(([x, y]) => x >= 0 && y >= 0 && x <= width && y <= height);
  return spread(all, pointsOfStroke);
}

const thinned = (points: readonly Point[]): Point[] => spread(points, pointsOfStrokes);

/** Some of them, the first and the last among these. */
function spread(points: readonly Point[], most: number): Point[] {
  if (points.length <= most) return [...points];
  return Array.from(
    { length: most },
    (_, i) => points[Math.round((i * (points.length - 1)) / (most - 1))] as Point,
  );
}
