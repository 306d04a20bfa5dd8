import { expect, it } from "vitest";
import { decodeRle, encodeRle } from "../../src/imaging/rle.ts";
import { rleUnion } from "../../src/imaging/rle-union.ts";
import { seededRandom } from "../../src/lib/random.ts";

const [height, width] = [13, 17];
const maskOf = (isOn: (i: number) => boolean) => {
  const data = Uint8Array.from({ length: height * width }, (_, i) => Number(isOn(i)));
  return encodeRle({ width, height, data });
};

it("is what any of the masks holds, pixel by pixel", () => {
  const random = seededRandom(5);
  for (const share of [0.05, 0.3, 0.7]) {
    const masks = Array.from({ length: 4 }, () => maskOf(() => random.next() < share));
    const all = masks.map((mask) => decodeRle(mask).data);
    const union = rleUnion(masks);
    expect(decodeRle(union).data).toEqual(all[0]!.map((_, i) => Math.max(...all.map((data) => data[i]!))));
    expect(union).toEqual(encodeRle(decodeRle(union)));
  }
});

it("joins masks that touch, reach the corners or hold nothing", () => {
  const [none, full] = [maskOf(() => false), maskOf(() => true)];
  const [left, right] = [maskOf((i) => i % width < 8), maskOf((i) => i % width >= 8)];
  expect(rleUnion([left, right])).toEqual(full);
  expect(rleUnion([none, left, none])).toEqual(left);
  expect(rleUnion([none, none])).toEqual(none);
  expect(rleUnion([full, right])).toEqual(full);
  expect(() => rleUnion([])).toThrow("needs a mask");
});
