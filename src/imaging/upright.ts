import sharp, { type Sharp } from "sharp";
import { decodeImage } from "./decode.ts";
import { type ImageFormat, sniff } from "./sniff.ts";

/** What sharp shows as the encoder sees it; a PNG of 16 bits is none of them. */
const shownBySharp: ReadonlySet<ImageFormat | null> = new Set(["jpeg", "png", "webp", "gif", "avif"]);
/** A PNG's header says the bits of its samples at this place. */
const bitsOfPng = 24;

/**
 * A picture as it is seen, for whatever is made of it by sharp: upright, over white, 8 bits. What sharp does not show as
 * the encoder sees it is decoded as for the encoder first. Throws AppError, or sharp's
 * Error.
 */
export async function upright(bytes: Uint8Array, maxPixels = Number.MAX_SAFE_INTEGER): Promise<Sharp> {
  const format = sniff(bytes);
  if (shownBySharp.has(format) && !(format === "png" && (bytes[bitsOfPng] ?? 8) > 8))
    return sharp(bytes, {
      limitInputPixels: maxPixels === Number.MAX_SAFE_INTEGER ? false : maxPixels,
      failOn: "truncated",
      sequentialRead: true,
    })
      .autoOrient()
      .flatten({ background: "#ffffff" });
  const { data, width, height } = await decodeImage(bytes, { maxPixels });
  return sharp(data, { raw: { width, height, channels: 3 } });
}
