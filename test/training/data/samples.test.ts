import { describe, expect, it } from "vitest";
import { decodeRle } from "../../../src/imaging/rle.ts";
import type { Box } from "../../../src/imaging/types.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { jitterBox } from "../../../src/training/prompts/prompts.ts";
import {
  epochBatches,
  jitteredBoxes,
  rleOf,
  samplesOf,
  Targets,
  trainBatch,
} from "../../../src/training/data/samples.ts";
import { manyRows, rectangle, row, snapshotOf } from "../fixtures.ts";

const snapshot = snapshotOf(manyRows(6));
const samples = samplesOf(snapshot, snapshot.images);

describe("the order of an epoch", () => {
  const options = { seed: 1, epoch: 1, perEpoch: 100, batchSize: 4 };

  it("shows every sample, in full batches, the last one filled from the beginning", () => {
    const batches = epochBatches(10, options);
    const flat = batches.flat();
    expect(batches.map((batch) => batch.length)).toEqual([4, 4, 4]);
    expect(new Set(flat.slice(0, 10))).toEqual(new Set(Array.from({ length: 10 }, (_, i) => i)));
    expect(flat.slice(10)).toEqual(flat.slice(0, 2));
  });

  it("is another in each epoch and for each seed, and the same again", () => {
    const first = epochBatches(10, options);
    expect(epochBatches(10, options)).toEqual(first);
    expect(epochBatches(10, { ...options, epoch: 2 })).not.toEqual(first);
    expect(epochBatches(10, { ...options, seed: 2 })).not.toEqual(first);
  });

  it("shows a large set in parts", () => {
    const seen = [1, 2].map((epoch) => epochBatches(1000, { ...options, epoch }).flat());
    expect(seen.map((list) => new Set(list).size)).toEqual([100, 100]);
    expect(new Set(seen.flat()).size).toBeGreaterThan(150);
  });
});

describe("box noise", () => {
  const image = { width: 1000, height: 800 };
  const box: Box = [200, 300, 400, 500];

  it("has the deviation it says, and moves nothing beyond 20 pixels", () => {
    const random = seededRandom(3);
    const moved = Array.from({ length: 4000 }, () => jitterBox(box, image, random)[0] - 200);
    const deviation = Math.sqrt(moved.reduce((sum, d) => sum + d * d, 0) / moved.length);
    // 5 % of 200 is 10; what is cut at two deviations makes it 9.6.
    expect(deviation).toBeGreaterThan(9.1);
    expect(deviation).toBeLessThan(10.1);
    expect(Math.max(...moved.map(Math.abs))).toBe(20);
  });

  it("leaves a box that lies in the image and has an area", () => {
    const random = seededRandom(4);
    for (let i = 0; i < 2000; i++) {
      const side = 1 + random.below(3);
      const x = random.below(8 - side);
      const [x0, y0, x1, y1] = jitterBox([x, 0, x + side, 8], { width: 8, height: 8 }, random, 2);
      expect(x0).toBeGreaterThanOrEqual(0);
      expect(y0).toBeGreaterThanOrEqual(0);
      expect(x1).toBeLessThanOrEqual(8);
      expect(y1).toBeLessThanOrEqual(8);
      expect(Math.min(x1 - x0, y1 - y0)).toBeGreaterThan(1 - 1e-9);
    }
  });

  it("belongs to seed, epoch and sample, not to the batch it stands in", () => {
    const options = { seed: 1, epoch: 1, jitter: 0.05 };
    const [alone] = jitteredBoxes(samples, [3], options);
    expect(jitteredBoxes(samples, [0, 3], options)[1]).toEqual(alone);
    expect(jitteredBoxes(samples, [3], { ...options, epoch: 2 })[0]).not.toEqual(alone);
    expect(jitteredBoxes(samples, [3], { ...options, seed: 2 })[0]).not.toEqual(alone);
  });
});

describe("a training batch", () => {
  it("puts boxes into the 1024 frame and masks into its low-res cells", async () => {
    // 64 x 48 fills 1024 x 768 of the frame: a factor of 16, and 4 low-res cells to a pixel.
    const [sample] = samplesOf(
      snapshotOf([row("a", { box: [8, 6, 40, 30] })]),
      snapshotOf([row("a")]).images,
    );
    if (!sample) throw new Error("no sample");
    const embedding = new Float32Array(4);
    const batch = await trainBatch([sample, sample], [sample.annotation.box, [0, 0, 64, 48]], {
      embeddingOf: async () => embedding,
      targets: new Targets(),
    });
    expect([...batch.coords]).toEqual([128, 96, 640, 480, 0, 0, 1024, 768]);
    expect([...batch.labels]).toEqual([2, 3, 2, 3]);
    expect(batch.embeddings[1]).toBe(embedding);
    const sum = (values: Float32Array): number => values.reduce((a, b) => a + b, 0);
    expect(sum(batch.targets.subarray(0, 65_536))).toBeCloseTo(32 * 24 * 16, 3);
    expect(batch.targets.subarray(65_536)).toEqual(batch.targets.subarray(0, 65_536));
    expect(sum(batch.valid)).toBe(2 * 256 * 192);
    expect(decodeRle(rleOf(sample))).toEqual(rectangle(64, 48, [8, 6, 40, 30]));
  });
});
