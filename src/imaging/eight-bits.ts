import { AppError } from "../lib/errors.ts";
import type { ReadPicture } from "./formats/types.ts";
import type { Samples } from "./types.ts";
import type { RgbImage } from "./types.ts";

/** Shares of the samples that may lie below and above what is shown. */
const [lowShare, highShare] = [0.01, 0.99];
/** Samples that are looked at for that: so many, evenly spread, tell the shares to a fraction of a percent. */
const sampled = 200_000;
/** Samples of 16 bits that reach so far up are spread over the whole range as they are. */
const wholeRange = 0.5;

/**
 * Samples of any depth and number of bands as eight bits of R, G and B, and what was chosen for it. Bands are taken as
 * they come: one is grey, of three and more the first three are red, green and blue, two are their first.
 *
 * Samples that do not fill their range (12 bits in 16, reflectance, floats, signed numbers) are stretched from the 1st to
 * the 99th percentile of all bands shown together, so that colours keep their balance; the same file always gives the same
 * picture. A window that the file brings stands in their place. Throws AppError image_unreadable for a picture of not one number.
 */
export function eightBits({ width, height, bands, data, window }: ReadPicture): {
  image: RgbImage;
  reading: string | undefined;
} {
  const shown = bands >= 3 ? 3 : 1;
  const first =
    bands > 3
      ? `the first three of ${bands} bands are red, green and blue`
      : bands === 2
        ? "the first of two bands is grey"
        : null;
  if (data instanceof Uint8Array && !window)
    return {
      image: rgbOf(width, height, bands, shown, (i) => data[i] as number),
      reading: first ?? undefined,
    };
  const [low, high] = window ?? rangeOf(data, bands, shown);
  const whole = !window && data instanceof Uint16Array && high > wholeRange * 65_535;
  const [from, to] = whole ? [0, 65_535] : [low, high];
  const scale = to > from ? 255 / (to - from) : 0;
  const at = (i: number): number => {
    const value = ((data[i] as number) - from) * scale;
    return value > 0 ? Math.min(255, Math.round(value)) : 0;
  };
  const image = whole
    ? rgbOf(width, height, bands, shown, (i) => (data[i] as number) >> 8)
    : rgbOf(width, height, bands, shown, at);
  const stretched = whole
    ? null
    : `samples are stretched from ${text(from)} to ${text(to)} (${window ? "the file's own window" : "1st and 99th percentile"})`;
  return { image, reading: [first, stretched].filter((part) => part !== null).join("; ") || undefined };
}

const text = (value: number): string => String(Number(value.toPrecision(4)));

function rgbOf(
  width: number,
  height: number,
  bands: number,
  shown: number,
  at: (i: number) => number,
): RgbImage {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0, from = 0, to = 0; i < width * height; i++, from += bands, to += 3) {
    data[to] = at(from);
    data[to + 1] = shown === 3 ? at(from + 1) : (data[to] as number);
    data[to + 2] = shown === 3 ? at(from + 2) : (data[to] as number);
  }
  return { width, height, data };
}

function rangeOf(data: Samples["data"], bands: number, shown: number): [number, number] {
  const pixels = data.length / bands;
  const step = Math.max(1, Math.floor((pixels * shown) / sampled));
  const some: number[] = [];
  for (let i = 0; i < pixels * shown; i += step) {
    const value = data[Math.floor(i / shown) * bands + (i % shown)] as number;
    if (Number.isFinite(value)) some.push(value);
  }
  if (some.length === 0) throw new AppError("image_unreadable", "the picture has not one number in it");
  const sorted = Float64Array.from(some).sort();
  const atShare = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
  const [low, high] = [atShare(lowShare), atShare(highShare)];
  return high > low ? [low, high] : [sorted[0] as number, sorted.at(-1) as number];
}
