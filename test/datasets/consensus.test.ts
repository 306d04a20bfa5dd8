import { expect, it } from "vitest";
import { consensusOf, type Vote } from "../../src/datasets/consensus.ts";
import { drawShape } from "../../src/datasets/shapes.ts";
import { keptPixels } from "../../src/imaging/kept-mask.ts";
import { rleIou } from "../../src/imaging/mask-facts.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import { seededRandom } from "../../src/lib/random.ts";

const rings = (...ring: number[]): Vote => ({
  label: "seal",
  shape: { kind: "rings", rings: [ring], unit: "pixels" },
});

it("keeps the pixels that more than half of those painted who drew an object", async () => {
  const [width, height] = [40, 30];
  const random = seededRandom(7);
  const near = (value: number): number => value + 3 * random.next();
  for (const annotators of [2, 3, 4]) {
    const votes = Array.from({ length: annotators }, () => [
      rings(near(4), near(0), near(34), near(3), near(30), near(27), near(2), near(22)),
    ]);
    const painted = new Uint8Array(width * height);
    for (const [{ shape }] of votes as [Vote][]) {
      const { counts } = await drawShape(shape, { width, height });
      for (const [at, value] of decodeRle({ format: "rle", size: [height, width], counts }).data.entries())
        painted[at] = (painted[at] as number) + value;
    }
    const data = painted.map((count) => (2 * count > annotators ? 1 : 0));
    expect(await consensusOf(votes, { width, height })).toEqual([
      { ...keptPixels({ width, height, data }), label: "seal" },
    ]);
  }
});

it("compares only objects that may be one, on a picture too large to paint", async () => {
  const [across, annotators] = [20, 3];
  const votes = Array.from({ length: annotators }, (_, annotator) =>
    Array.from({ length: across * across }, (__, k) => {
      const [x, y] = [400 * (k % across) + 2 * annotator, 400 * Math.floor(k / across)];
      return rings(x, y, x + 100, y, x + 100, y + 100, x, y + 100);
    }),
  );
  let compared = 0;
  const found = await consensusOf(votes, { width: 30_000, height: 30_000 }, (a, b) => {
    compared++;
    return rleIou(a, b);
  });
  expect(found).toHaveLength(across * across);
  expect(found.every((object) => object.area === 100 * 100)).toBe(true);
  expect(compared).toBe((annotators - 1) * across * across);
});
