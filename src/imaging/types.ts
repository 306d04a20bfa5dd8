import type { Fit } from "../domain/model-family.ts";

/** [x0, y0, x1, y1] in pixels of the original image, origin top left; x1 and y1 are exclusive edges. */
export type Box = readonly [number, number, number, number];

/** [x, y, label] in pixels of the original image; label 1 is foreground, 0 background. */
export type Point = readonly [number, number, number];

/** [height, width] in pixels, as Meta's code orders it. */
export type Size = readonly [number, number];

/** Row-major, 3 bytes a pixel (R, G, B), 0 to 255. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Row-major, one byte a pixel: 1 is foreground, 0 background. */
export interface BinaryMask {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** COCO's compressed run-length encoding: column-major runs in `counts`, `size` is [height, width]. */
export interface RleMask {
  readonly format: "rle";
  readonly size: [number, number];
  readonly counts: string;
}

/** Rings as flat [x, y, x, y, ...] in pixels, as COCO's `segmentation` lists them. */
export interface PolygonMask {
  readonly format: "polygon";
  readonly polygons: number[][];
}

/** A PNG file, base64: 0 is background, 255 foreground. */
export interface PngMask {
  readonly format: "png";
  readonly data: string;
}

/** Logits (0 is the edge): float32 little endian, base64, row-major, `shape` is [height, width]. */
export interface LogitsMask {
  readonly format: "logits";
  readonly shape: [number, number];
  readonly dtype: "float32";
  readonly data: string;
  /** Inside this program, what `data` is made from. */
  readonly source?: LogitsSource;
}

/** Logits that are not written as text yet, on shared memory. See logits-source.ts. */
export interface LogitsSource {
  readonly data: Float32Array;
  /** [x0, y0, x1, y1] of the image: where they lie. */
  readonly area: Box;
  /** How the area lies in the frame of low-res logits [256, 256], which `data` then is; null at the area's own size. */
  readonly lowRes: Fit | null;
}

/** A mask as the API takes and gives it. */
export type WireMask = RleMask | PolygonMask | PngMask | LogitsMask;
export type MaskFormat = WireMask["format"];

export type SampleArray =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** Row-major, bands interleaved. */
export interface Samples {
  readonly width: number;
  readonly height: number;
  readonly bands: number;
  readonly data: SampleArray;
}
