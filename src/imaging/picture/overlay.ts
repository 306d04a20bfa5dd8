import { setImmediate as nextTurn } from "node:timers/promises";
import sharp from "sharp";
import { polygonsToRuns } from "../polygons.ts";
import { unpackCounts } from "../rle.ts";
import type { PolygonMask, RleMask, Size } from "../types.ts";
import { blend, type Canvas, type Rgb, write } from "./canvas.ts";

/** Told apart by people of any colour vision as well (Okabe and Ito), and taken in turn. */
const colours: readonly Rgb[] = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [213, 94, 0],
  [0, 114, 178],
  [204, 121, 167],
  [240, 228, 66],
];
/** How much of the colour a mask's inside has; its edge has all of it. */
const fill = 0.4;
/** Height of the numbers, in pixels. */
const letters = 12;

/** Masks that are drawn, of those that there are. */
export const mostDrawn = 50;

/**
 * Masks over their image as JPEG, translucent with their edges, each with its number from 1 at its first pixel. At most
 * `mostDrawn` of them.
 * @param picture The whole image at any size, in a format that sharp reads; the drawing has that size.
 * @param size [height, width] of the image that the masks are of.
 */
export async function drawMasks(
  picture: Uint8Array,
  masks: readonly (RleMask | PolygonMask)[],
  size: Size,
): Promise<Uint8Array> {
  const { data, info } = await sharp(picture)
    .removeAlpha()
    .toColourspace("srgb")
    .raw()
    .toBuffer({ resolveWithObject: true });
  const canvas = { width: info.width, height: info.height, data };
  for (const [i, mask] of masks.slice(0, mostDrawn).entries()) {
    drawMask(canvas, coverOf(runsOf(mask, size), size, canvas), i);
    await nextTurn();
  }
  return sharp(canvas.data, { raw: { width: canvas.width, height: canvas.height, channels: 3 } })
    .jpeg({ quality: 85, chromaSubsampling: "4:4:4" })
    .toBuffer();
}

/** Column-major run lengths, background first. */
const runsOf = (mask: RleMask | PolygonMask, [height, width]: Size): readonly number[] =>
  mask.format === "rle"
    ? unpackCounts(mask.counts, height * width)
    : polygonsToRuns(mask.polygons, width, height);

/** Which pixels of the canvas lie in the mask by the image's pixel under their middle: [height, width], 0 or 1. */
function coverOf(
  runs: readonly number[],
  [imageHeight, imageWidth]: Size,
  { width, height }: Canvas,
): Uint8Array {
  const inside = new Uint8Array(width * height);
  let [run, end] = [0, runs[0] ?? 0];
  for (let x = 0; x < width; x++) {
    const column = Math.floor(((x + 0.5) * imageWidth) / width) * imageHeight;
    for (let y = 0; y < height; y++) {
      const at = column + Math.floor(((y + 0.5) * imageHeight) / height);
      while (at >= end && run < runs.length) end += runs[++run] ?? 0;
      inside[y * width + x] = run % 2;
    }
  }
  return inside;
}

function drawMask(canvas: Canvas, inside: Uint8Array, index: number): void {
  const { width, height } = canvas;
  const first = inside.indexOf(1);
  if (first === -1) return;
  const colour = colours[index % colours.length] as Rgb;
  const cover = Float32Array.from(inside, (value, i) => {
    if (value === 0) return 0;
    const x = i % width;
    const edge =
      (x > 0 && inside[i - 1] === 0) ||
      (x + 1 < width && inside[i + 1] === 0) ||
      inside[i - width] === 0 ||
      inside[i + width] === 0;
    return edge ? 1 : fill;
  });
  blend(canvas, cover, colour);
  const number = String(index + 1);
  const room = { x: width - 4 - letters * number.length, y: height - 2 * letters };
  if (room.x < 4 || room.y < 4) return;
  const at = {
    x: Math.max(4, Math.min(room.x, first % width)),
    y: Math.max(4, Math.min(room.y, Math.floor(first / width))),
  };
  write(canvas, number, { ...at, height: letters, colour: [255, 255, 255], bold: true });
}
