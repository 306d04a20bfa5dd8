import sharp from "sharp";
import { type DecodedImage, leastImageSide } from "./decode.ts";
import { checkJpeg } from "./jpeg-check.ts";
import { swapsSides } from "./orientation.ts";
import { checkPng } from "./png-reader.ts";
import { sniff } from "./sniff.ts";

/** What decodeImage says of a picture, without its pixels. */
export type PictureFacts = Omit<DecodedImage, "data">;

/**
 * The facts of a picture that is usual and holds all of its pixels, without a pixel being made; null for any other, which
 * decodeImage judges. It takes as much memory as the file, and as the rows of a PNG.
 */
export async function quickFacts(
  bytes: Uint8Array,
  limits: { maxPixels: number },
): Promise<PictureFacts | null> {
  const format = sniff(bytes);
  if (format !== "jpeg" && format !== "png") return null;
  const base = { format, orientation: 1, pages: 1, reading: undefined };
  const found = format === "jpeg" ? checkJpeg(bytes, limits) : checkPng(bytes, limits);
  if (!found || Math.min(found.width, found.height) < leastImageSide) return null;
  const { width, height } = found;
  if (!("hasExif" in found && found.hasExif)) return { ...base, width, height };
  const { orientation = 1 } = await sharp(bytes, { limitInputPixels: false }).metadata();
  return swapsSides(orientation)
    ? { ...base, orientation, width: height, height: width }
    : { ...base, orientation, width, height };
}
