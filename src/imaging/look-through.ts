import sharp, { type Metadata } from "sharp";
import { asPicture, checkCost, checkSize, decodeBytes, type DecodedImage, decodeImage } from "./decode.ts";
import { decodeCost, lookCost } from "./decode-cost.ts";
import { recognise } from "./recognise.ts";
import { type ImageFormat, sniff } from "./sniff.ts";

/** What a picture is, without its pixels. */
export type Seen = Pick<DecodedImage, "width" | "height" | "format" | "reading">;

/** Kinds whose last row can't be had without all rows before it. */
const inOrder: ReadonlySet<ImageFormat | null> = new Set(["jpeg", "png", "webp"]);

/** Pictures of which nothing but the reading itself can fail. */
const isPlain = ({ depth, space, pages = 1 }: Metadata): boolean =>
  depth === "uchar" && space !== "cmyk" && pages === 1;

const headerOf = (bytes: Uint8Array): Promise<Metadata> =>
  sharp(bytes, { limitInputPixels: false }).metadata();

/**
 * What decodeImage would say of a picture: most are read to their last row, and no other row is kept. Throws what
 * decodeImage throws.
 */
export async function lookThrough(bytes: Uint8Array, limits: { maxPixels: number }): Promise<Seen> {
  const format = recognise(bytes);
  const header = inOrder.has(format) ? await asPicture(bytes, format, () => headerOf(bytes)) : null;
  if (!header || !isPlain(header)) {
    const { width, height, reading } = await decodeImage(bytes, limits);
    return { width, height, format, reading };
  }
  const { width, height, orientation = 1 } = header;
  checkSize(header, limits.maxPixels);
  // Whoever wants its pixels decodes it whole.
  checkCost(header, decodeCost(header), limits.maxPixels);
  const options = { limitInputPixels: limits.maxPixels, failOn: "truncated", sequentialRead: true } as const;
  const last = { left: 0, top: height - 1, width, height: 1 };
  await asPicture(bytes, format, () => sharp(bytes, options).extract(last).raw().toBuffer());
  return { ...(orientation > 4 ? { width: height, height: width } : { width, height }), format };
}

/** Bytes of memory that lookThrough takes for this file at most: as decodeBytes. */
export async function lookBytes(bytes: Uint8Array, limits: { maxPixels: number }): Promise<number> {
  const whole = await decodeBytes(bytes, limits);
  if (!inOrder.has(sniff(bytes)) || whole === 0) return whole;
  const header = await headerOf(bytes);
  return isPlain(header) ? Math.min(whole, lookCost(header) * header.width * header.height) : whole;
}
