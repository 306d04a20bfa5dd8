import type { RgbImage } from "../../src/imaging/types.ts";

/** A photo's stand-in of 1024 x 768: discs and a bar over a shaded ground, the same each time. */
export function drawnPicture(): RgbImage {
  const [width, height] = [1024, 768];
  const data = new Uint8Array(width * height * 3);
  const discs = [
    { x: 300, y: 280, r: 130, colour: [206, 64, 52] },
    { x: 700, y: 430, r: 190, colour: [58, 122, 196] },
    { x: 180, y: 620, r: 70, colour: [240, 214, 90] },
  ] as const;
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 3) {
      const disc = discs.find((one) => (x - one.x) ** 2 + (y - one.y) ** 2 < one.r ** 2);
      const grain = ((x * 73) ^ (y * 151)) % 13;
      const ground = [70 + x / 12, 110 + y / 10, 90 + (x + y) / 24] as const;
      for (let c = 0; c < 3; c++)
        data[at + c] = Math.min(255, (disc?.colour ?? ground)[c as 0 | 1 | 2] + grain);
    }
  }
  return { width, height, data };
}
