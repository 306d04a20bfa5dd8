import { expect, it } from "vitest";
import { areaOf, boxOf } from "../../src/imaging/geometry.ts";
import { maskFacts, rleIou } from "../../src/imaging/mask-facts.ts";
import { iou } from "../../src/imaging/metrics.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import type { BinaryMask } from "../../src/imaging/types.ts";
import { seededRandom } from "../../src/lib/random.ts";

const draw = (...rows: string[]): BinaryMask => ({
  width: (rows[0] as string).length,
  height: rows.length,
  data: Uint8Array.from(rows.join(""), (c) => (c === "#" ? 1 : 0)),
});
const random = (width: number, height: number, seed: number, share: number): BinaryMask => {
  const source = seededRandom(seed);
  return {
    width,
    height,
    data: Uint8Array.from({ length: width * height }, () => (source.next() < share ? 1 : 0)),
  };
};

/** The plain way: a flood over pixels. */
function partsOf({ width, height, data }: BinaryMask): number[] {
  const left = Uint8Array.from(data);
  const sizes: number[] = [];
  for (let start = 0; start < left.length; start++) {
    if (left[start] === 0) continue;
    left[start] = 0;
    const stack = [start];
    let size = 0;
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      size++;
      const [x, y] = [at % width, Math.floor(at / width)];
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++)
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          if (left[ny * width + nx] === 0) continue;
          left[ny * width + nx] = 0;
          stack.push(ny * width + nx);
        }
    }
    sizes.push(size);
  }
  return sizes.sort((a, b) => b - a);
}

const border = ({ width, height, data }: BinaryMask): number =>
  data.filter((v, i) => v === 1 && [0, width - 1].includes(i % width)).length +
  data.filter(
    (v, i) => v === 1 && i % width > 0 && i % width < width - 1 && (i < width || i >= width * (height - 1)),
  ).length;

it("joins parts over corners, through holes and round a U", () => {
  expect(maskFacts(encodeRle(draw("#..#", "#..#", "####", "....", "#..."))).parts).toEqual([8, 1]);
  expect(maskFacts(encodeRle(draw("#.#", ".#.", "#.#"))).parts).toEqual([5]);
  expect(maskFacts(encodeRle(draw("###", "#.#", "###"))).parts).toEqual([8]);
  expect(maskFacts(encodeRle(draw("#.#", "#.#", "#.#"))).parts).toEqual([3, 3]);
});

it("has nothing of an empty mask", () => {
  expect(maskFacts(encodeRle(draw("...", "...")))).toEqual({
    area: 0,
    box: [0, 0, 0, 0],
    borderPixels: 0,
    parts: [],
  });
});

it("tells of random masks what their pixels do", () => {
  for (let seed = 0; seed < 60; seed++) {
    const mask = random(1 + (seed % 13), 1 + ((seed * 7) % 11), seed, 0.15 + 0.012 * seed);
    expect(maskFacts(encodeRle(mask)), `seed ${seed}`).toEqual({
      area: areaOf(mask),
      box: boxOf(mask),
      borderPixels: border(mask),
      parts: partsOf(mask),
    });
  }
});

it("compares masks by their runs as their pixels compare", () => {
  for (let seed = 0; seed < 40; seed++) {
    const [a, b] = [random(9, 7, seed, 0.4), random(9, 7, seed + 1000, 0.02 * seed)];
    expect(rleIou(encodeRle(a), encodeRle(b))).toBeCloseTo(iou(a, b), 12);
  }
});
