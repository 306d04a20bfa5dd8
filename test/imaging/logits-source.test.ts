import { describe, expect, test } from "vitest";
import { nothing } from "../../src/imaging/area-logits.ts";
import { logitsFrom, textLength, textOf, withText } from "../../src/imaging/logits-source.ts";
import { logitsAtSize } from "../../src/imaging/postprocess.ts";
import type { Box, LogitsSource, Size } from "../../src/imaging/types.ts";
import { readLogits, writeLogits } from "../../src/imaging/wire-mask.ts";
import { seededRandom } from "../../src/lib/random.ts";

const random = seededRandom(11);
const lowRes = Float32Array.from({ length: 256 * 256 }, () => random.normal() * 9);

describe("logits that are written while they are sent", () => {
  test.each<Size>([
    [1, 1],
    [7, 5],
    [700, 1111],
    [1500, 2],
  ])("are those of the whole image, to the bit: %i x %i", (height, width) => {
    const size: Size = [height, width];
    const late = logitsFrom({ data: lowRes, area: [0, 0, width, height], lowRes: "padded" }, size);
    expect(withText(late)).toMatchObject(writeLogits(logitsAtSize(lowRes, size), size));
  });

  test("of a part lie where it does; elsewhere is background", () => {
    const size: Size = [600, 900];
    const area: Box = [300, 100, 310, 104];
    const data = Float32Array.from({ length: 40 }, (_, i) => i);
    const whole = readLogits(withText(logitsFrom({ data, area, lowRes: null }, size)));
    const truth = new Float32Array(600 * 900).fill(nothing);
    for (let i = 0; i < 40; i++) truth[(100 + Math.floor(i / 10)) * 900 + 300 + (i % 10)] = i;
    expect(Buffer.compare(Buffer.from(whole.buffer), Buffer.from(truth.buffer))).toBe(0);
  });

  test("come in slices of about a megabyte, as many characters as was told", () => {
    const size: Size = [2000, 1001];
    const source: LogitsSource = { data: lowRes, area: [0, 0, 1001, 2000], lowRes: "padded" };
    const slices = [...textOf(source, size)];
    expect(slices.length).toBeGreaterThan(5);
    expect(Math.max(...slices.map((slice) => slice.length))).toBeLessThan(1.5e6);
    expect(slices.reduce((sum, slice) => sum + slice.length, 0)).toBe(textLength(size));
  });
});
