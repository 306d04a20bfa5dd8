import { pointsOf } from "./format.ts";

/** Label Studio's control tags that hold what we draw, the fullest first. */
export const drawingTags = ["BrushLabels", "PolygonLabels", "RectangleLabels"] as const;
export type DrawingTag = (typeof drawingTags)[number];

/** A region's own part of a result; coordinates are in percent of the image. */
export type RegionShape =
  | {
      readonly type: "brushlabels";
      readonly value: {
        readonly format: "rle";
        readonly rle: readonly number[];
        readonly brushlabels: readonly string[];
      };
    }
  | {
      readonly type: "polygonlabels";
      readonly value: {
        readonly points: readonly (readonly [number, number])[];
        readonly closed: true;
        readonly polygonlabels: readonly string[];
      };
    }
  | {
      readonly type: "rectanglelabels";
      readonly value: {
        readonly x: number;
        readonly y: number;
        readonly width: number;
        readonly height: number;
        readonly rotation: 0;
        readonly rectanglelabels: readonly string[];
      };
    };

/** What Label Studio asks of every region on an image: where it belongs, and the image's size in pixels. */
export const regionHead = (
  id: string,
  { fromName, toName }: { readonly fromName: string; readonly toName: string },
  { width, height }: { readonly width: number; readonly height: number },
) =>
  ({
    id,
    from_name: fromName,
    to_name: toName,
    original_width: width,
    original_height: height,
    image_rotation: 0,
  }) as const;

/** Source: label-studio-sdk 2.1, converter/brush.py, image2annotation. `rle`: bytes of imaging/brush-rle.ts. */
export const brushRegion = (rle: readonly number[], labels: readonly string[]): RegionShape => ({
  type: "brushlabels",
  value: { format: "rle", rle, brushlabels: labels },
});

/** `ring`: [x, y, ...] in pixels of an image of this size. */
export const polygonRegion = (
  ring: readonly number[],
  { width, height }: { readonly width: number; readonly height: number },
  labels: readonly string[],
): RegionShape => ({
  type: "polygonlabels",
  value: {
    points: Array.from(pointsOf(ring), ([x, y]) => [(100 * x) / width, (100 * y) / height] as const),
    closed: true,
    polygonlabels: labels,
  },
});

/** `box`: [x0, y0, x1, y1] in pixels of an image of this size. */
export const rectangleRegion = (
  [x0, y0, x1, y1]: readonly [number, number, number, number],
  { width, height }: { readonly width: number; readonly height: number },
  labels: readonly string[],
): RegionShape => ({
  type: "rectanglelabels",
  value: {
    x: (100 * x0) / width,
    y: (100 * y0) / height,
    width: (100 * (x1 - x0)) / width,
    height: (100 * (y1 - y0)) / height,
    rotation: 0,
    rectanglelabels: labels,
  },
});
