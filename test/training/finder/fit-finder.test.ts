import { expect, it } from "vitest";
import { encodeRle } from "../../../src/imaging/rle.ts";
import type { Box } from "../../../src/imaging/types.ts";
import { findPeaks } from "../../../src/inference/find/peaks-task.ts";
import { packWeights } from "../../../src/inference/decoder/packed-weights.ts";
import { readFinderGraphs } from "../../../src/graphs/files.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import type { Sample } from "../../../src/training/data/samples.ts";
import { fitFinder } from "../../../src/training/finder/fit-finder.ts";
import { labelsOf, lessonsOf, poolFor } from "../../../src/training/finder/lessons.ts";

/** Squares of 256 x 256 pixels on images of 1024 x 1024, at places that the embedding's first channel shows. */
const side = 1024;
function squareAt(id: number): { sample: Sample; embedding: Float32Array } {
  const random = seededRandom(id);
  const [x, y] = [random.below(12) * 64, random.below(12) * 64];
  const data = new Uint8Array(side * side);
  for (let row = y; row < y + 256; row++) data.fill(1, row * side + x, row * side + x + 256);
  const embedding = new Float32Array(64 * 64 * 256);
  for (let cell = 0; cell < 4096; cell++) {
    const inside = data[(Math.floor(cell / 64) * 16 + 8) * side + (cell % 64) * 16 + 8] === 1;
    for (let c = 0; c < 8; c++) embedding[cell * 256 + c] = (inside ? 1 : -1) + 0.1 * random.normal();
  }
  const box: Box = [x, y, x + 256, y + 256];
  const image = { id: `img_${id}`, sha256: String(id), bytes: 1, width: side, height: side };
  return {
    embedding,
    sample: {
      image: { ...image, object_key: String(id), group: null },
      annotation: {
        id: `ann_${id}`,
        image: image.id,
        box,
        label: "square",
        counts: encodeRle({ width: side, height: side, data }).counts,
      },
    },
  };
}

const squares = [1, 2, 3, 4].map(squareAt);
const samples = squares.map(({ sample }) => sample);
const embeddings = new Map(squares.map(({ sample, embedding }) => [sample.image.id, embedding]));
const fit = (seed: number, steps: number) =>
  fitFinder(lessonsOf(samples), {
    labels: labelsOf(samples),
    pool: poolFor(samples),
    steps,
    embeddingOf: async ({ id }) => embeddings.get(id) as Float32Array,
    threads: 1,
    seed,
    signal: new AbortController().signal,
  });

it("is the same for the same lessons and seed, bit for bit, and another for another seed", async () => {
  const [once, twice, other] = [await fit(0, 6), await fit(0, 6), await fit(1, 6)];
  expect(twice).toEqual(once);
  expect(other["head.weight"]).not.toEqual(once["head.weight"]);
});

it("finds what it was taught on an image that it has not seen", async () => {
  const weights = await fit(0, 60);
  const { embedding, sample } = squareAt(9);
  const peaks = await findPeaks({
    graph: readFinderGraphs()[2],
    threads: 1,
    weights: packWeights("test", weights),
    finder: { labels: ["square"], pool: 2 },
    embedding: { family: "sam", data: embedding, width: side, height: side },
    floor: 0,
  });
  expect(poolFor(samples)).toBe(2);
  expect(peaks).toHaveLength(1);
  const [x0, y0, x1, y1] = sample.annotation.box;
  const [bx0, by0, bx1, by1] = peaks[0]?.box ?? [0, 0, 0, 0];
  for (const [found, wanted] of [
    [bx0, x0],
    [by0, y0],
    [bx1, x1],
    [by1, y1],
  ] as const)
    expect(Math.abs(found - wanted)).toBeLessThan(40);
});

it("ends at once where nobody wants it any more", async () => {
  const control = new AbortController();
  control.abort(new Error("no longer wanted"));
  await expect(
    fitFinder(lessonsOf(samples), {
      labels: ["square"],
      pool: 2,
      steps: 5,
      embeddingOf: async ({ id }) => embeddings.get(id) as Float32Array,
      threads: 1,
      seed: 0,
      signal: control.signal,
    }),
  ).rejects.toThrow("no longer wanted");
});
