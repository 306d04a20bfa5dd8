import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { type Look, lookAlike, lookOf } from "../../src/imaging/look-alike.ts";
import { asPng, asSharp, discImage, noiseImage } from "../worlds/images.ts";

const image = noiseImage(320, 240, 1);
const look = async (of: Promise<Buffer>): Promise<Look> => lookOf(await of);

describe("images that look alike", () => {
  it.each([
    ["the same as JPEG", () => asSharp(image).jpeg({ quality: 60 }).toBuffer()],
    ["the same as WebP", () => asSharp(image).webp({ quality: 60 }).toBuffer()],
    ["the same at 60 %", () => asSharp(image).resize(192, 144).png().toBuffer()],
    ["the same at 180 %, as JPEG", () => asSharp(image).resize(576, 432).jpeg({ quality: 80 }).toBuffer()],
    ["the same in grey", () => asSharp(image).greyscale().png().toBuffer()],
    [
      "the same, lying on its side with EXIF to turn it up",
      () => asSharp(image).rotate(270).withMetadata({ orientation: 6 }).jpeg({ quality: 90 }).toBuffer(),
    ],
  ])("are %s", async (_what, copy) => {
    expect(lookAlike(await look(asPng(image)), await look(copy()))).toBe(true);
  });

  it.each([
    ["another image", () => asPng(noiseImage(320, 240, 2))],
    ["its mirror image", () => asSharp(image).flop().png().toBuffer()],
    [
      "a part of it",
      () => asSharp(image).extract({ left: 0, top: 0, width: 160, height: 120 }).png().toBuffer(),
    ],
  ])("are not %s", async (_what, other) => {
    expect(lookAlike(await look(asPng(image)), await look(other()))).toBe(false);
  });

  it("are not two pages that share their paper but not what is on it", async () => {
    const page = (x: number, y: number) => asPng(discImage(300, 300, { x, y, radius: 20 }).image);
    expect(lookAlike(await look(page(60, 60)), await look(page(200, 220)))).toBe(false);
  });

  it("are not two blank ones", async () => {
    const blank = () =>
      sharp({ create: { width: 50, height: 40, channels: 3, background: "#fff" } })
        .png()
        .toBuffer();
    expect(lookAlike(await look(blank()), await look(blank()))).toBe(false);
  });
});
