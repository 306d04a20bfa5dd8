import { expect, test } from "vitest";
import { stretchedInput } from "../../src/imaging/stretched-input.ts";

const plane = 1024 * 1024;

test.each([
  [300, 200],
  [1500, 1100],
])("an image of %i x %i fills the frame, each side by itself, normalised", (width, height) => {
  // Left half red, right half blue
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) =>
    Math.floor(i / 3) % width < width / 2 ? [255, 0, 0][i % 3]! : [0, 0, 255][i % 3]!,
  );
  const input = stretchedInput({ width, height, data });
  const at = (c: number, y: number, x: number): number => input[c * plane + y * 1024 + x] as number;
  for (const y of [0, 511, 1023]) {
    expect(at(0, y, 0)).toBeCloseTo((1 - 0.485) / 0.229, 5);
    expect(at(2, y, 0)).toBeCloseTo(-0.406 / 0.225, 5);
    expect(at(0, y, 1023)).toBeCloseTo(-0.485 / 0.229, 5);
    expect(at(2, y, 1023)).toBeCloseTo((1 - 0.406) / 0.225, 5);
    // The edge lies in the middle
    expect(at(0, y, 505)).toBeGreaterThan(at(0, y, 518));
  }
});
