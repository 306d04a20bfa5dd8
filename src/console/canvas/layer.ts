import { boxOf } from "../../imaging/geometry.ts";
import { unpackCounts } from "../../imaging/rle.ts";
import type { BinaryMask, Box } from "../../imaging/types.ts";
import { edgePieces } from "./edges.ts";

/** A mask ready to be drawn many times: its pixels in one colour, and the edges round them in image coordinates. */
export interface Layer {
  readonly picture: HTMLCanvasElement;
  readonly x: number;
  readonly y: number;
  readonly outline: Path2D;
}

/** Told apart on paper and on dark ground, the first as in the demo of Segment Anything. */
export const colours = [
  "#3b82f6",
  "#f97316",
  "#22c55e",
  "#e64980",
  "#a855f7",
  "#14b8a6",
  "#eab308",
  "#ef4444",
];
export const colourOf = (index: number): string => colours[index % colours.length] as string;

/** Null for an empty mask. Only the mask's own box is touched. */
export function layerOf(mask: BinaryMask, colour: string): Layer | null {
  const [x0, y0, x1, y1] = boxOf(mask);
  if (x1 === x0) return null;
  const picture = document.createElement("canvas");
  picture.width = x1 - x0;
  picture.height = y1 - y0;
  const context = picture.getContext("2d");
  if (!context) return null;
  const pixels = context.createImageData(picture.width, picture.height);
  const words = new Uint32Array(pixels.data.buffer);
  const word = littleEndian(colour);
  for (let y = y0, at = 0; y < y1; y++) {
    for (let p = y * mask.width + x0; p < y * mask.width + x1; p++, at++)
      if (mask.data[p] === 1) words[at] = word;
  }
  context.putImageData(pixels, 0, 0);
  return { picture, x: x0, y: y0, outline: outlineOf(mask, [x0, y0, x1, y1]) };
}

/** Opaque "#rrggbb" as canvas stores it. */
function littleEndian(colour: string): number {
  const rgb = Number.parseInt(colour.slice(1), 16);
  return (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
}

function outlineOf(mask: BinaryMask, box: Box): Path2D {
  const path = new Path2D();
  const pieces = edgePieces(mask, box);
  for (let i = 0; i < pieces.length; i += 4) {
    path.moveTo(pieces[i] as number, pieces[i + 1] as number);
    path.lineTo(pieces[i + 2] as number, pieces[i + 3] as number);
  }
  return path;
}

/** Draws a layer on a context that stands in image coordinates; the line is as wide at every zoom. */
export function drawLayer(
  context: CanvasRenderingContext2D,
  layer: Layer,
  options: { colour: string; alpha: number; scale: number; line?: number },
): void {
  context.globalAlpha = options.alpha;
  context.drawImage(layer.picture, layer.x, layer.y);
  context.globalAlpha = 1;
  context.lineCap = "square";
  context.lineWidth = ((options.line ?? 1.75) + 1.5) / options.scale;
  context.strokeStyle = "rgb(255 255 255 / 0.75)";
  context.stroke(layer.outline);
  context.lineWidth = (options.line ?? 1.75) / options.scale;
  context.strokeStyle = options.colour;
  context.stroke(layer.outline);
}

/**
 * Paints COCO run-lengths of a [height, width] mask into a small picture without unpacking them at full size: both go
 * column by column, so one walk along the runs meets every sample.
 */
export function sampleRle(
  counts: string,
  [height, width]: readonly [number, number],
  picture: ImageData,
  colour: string,
  alpha: number,
): void {
  const runs = unpackCounts(counts, width * height);
  const words = new Uint32Array(picture.data.buffer);
  const word = ((littleEndian(colour) & 0xffffff) | (Math.round(alpha * 255) << 24)) >>> 0;
  let run = 0;
  let end = runs[0] ?? 0;
  for (let x = 0; x < picture.width; x++) {
    const column = Math.floor(((x + 0.5) * width) / picture.width) * height;
    for (let y = 0; y < picture.height; y++) {
      const place = column + Math.floor(((y + 0.5) * height) / picture.height);
      while (place >= end && run < runs.length - 1) end += runs[++run] as number;
      if (run % 2 === 1) words[y * picture.width + x] = word;
    }
  }
}
