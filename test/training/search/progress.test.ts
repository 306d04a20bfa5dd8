import { describe, expect, it } from "vitest";
import { encodeRle } from "../../../src/imaging/rle.ts";
import type { Box } from "../../../src/imaging/types.ts";
import type { TrainingEngine } from "../../../src/training/engine/types.ts";
import type { Sample } from "../../../src/training/data/samples.ts";
import { foldsFor } from "../../../src/training/data/folds.ts";
import type { LeftOut } from "../../../src/training/search/other.ts";
import { SearchProgress } from "../../../src/training/search/search-progress.ts";
import { search } from "../../../src/training/search/search.ts";
import { rectangleMask } from "../../worlds/images.ts";

const box: Box = [8, 6, 40, 30];
/** One annotation on each of so many images of 128 x 96. */
const samples = Array.from({ length: 10 }, (_, i): Sample => {
  const name = `img_${i}`;
  return {
    image: { id: name, sha256: name, bytes: 1, width: 128, height: 96, object_key: name, group: null },
    annotation: {
      id: `ann_${i}`,
      image: name,
      counts: encodeRle(rectangleMask(128, 96, box)).counts,
      box,
      label: null,
    },
  };
});
const folds = foldsFor(samples, ({ image }) => image.id, 0)!;

/** Learns nothing, at once, and always answers with the same logit. */
const idle = (logit: number) =>
  ({
    name: "eager",
    device: "none",
    step: () => Promise.resolve({ loss: 1, gradientNorm: 1 }),
    predict: ({ embeddings: { length } }: { embeddings: readonly unknown[] }) =>
      Promise.resolve({
        logits: new Float32Array(length * 65_536).fill(logit),
        iou: new Float32Array(length),
      }),
    dispose: () => Promise.resolve(),
  }) as unknown as TrainingEngine;
/** Sees an object everywhere, which is less wrong in a window round it. */
const rightInWindows = idle(1);

const plain = { zoom: null, ceiling: 1, regions: 1, closer: 0 };
const window = {
  zoom: { context: 2.5, tiles: 1, click_side: 50 },
  ceiling: 1,
  regions: 1,
  closer: 1,
} as const;

interface Told {
  readonly done: number;
  readonly total: number;
}

/** A search within a budget: what it told of itself, and what it really did. */
async function searched({
  seconds,
  options = [plain, window],
  engine = idle(-1),
  stopAfter = Number.POSITIVE_INFINITY,
  left = null,
}: {
  seconds: number;
  left?: LeftOut | null;
  options?: readonly (typeof plain | typeof window)[];
  engine?: TrainingEngine;
  stopAfter?: number;
}) {
  const told: Told[] = [];
  let [looked, encoded] = [0, 0];
  const found = await search(
    {
      createEngine: () => Promise.resolve(engine),
      engine: "eager",
      weights: {},
      seed: 0,
      embeddingOf: () => Promise.resolve(new Float32Array(1)),
      signal: new AbortController().signal,
      embed: async (some, { zoom, flips }, tell) => {
        if (!zoom && flips.length === 0) return;
        for (let i = 1; i <= some.length; i++) await tell(i / some.length);
        encoded++;
      },
      onProgress: async (done, total) => void told.push({ done, total }),
      onTrial: async (trial) => void (looked += 2 * trial.samples),
      stopRequested: () => told.length > stopAfter,
    },
    { asked: { turns: "none" }, options, folds, seconds, left },
  );
  return { told, found, trials: found.trials, looked, encoded };
}

const shares = (told: readonly Told[]): number[] => told.map(({ done, total }) => done / total);

describe("the progress of a search", () => {
  it.each([30, 100, 150, 200, 400])("ends where it was planned to, within %i s", async (seconds) => {
    const { told, trials, looked, encoded } = await searched({ seconds });
    expect(told[0]!.total).toBeGreaterThan(0);
    expect(shares(told)).toEqual(shares(told).toSorted((a, b) => a - b));
    const { done, total } = told.at(-1)!;
    expect(done).toBe(total);
    // Nothing was eliminated that the budget alone did not know of.
    expect(told[0]!.total).toBe(total);
    // Samples, and encodes at some price of their own.
    expect(encoded).toBe(trials.some(({ flips }) => flips.length > 0) ? 2 : 1);
    expect(total).toBeGreaterThan(looked);
    for (const one of told) expect(Number.isInteger(one.done) && Number.isInteger(one.total)).toBe(true);
  });

  it("is halfway about when half of the samples were looked at", async () => {
    const { told, looked } = await searched({ seconds: 200, options: [plain] });
    // Every fourth of a step's samples, and what is encoded only for flips.
    expect(told.filter(({ done }) => done <= looked / 2).length).toBeGreaterThan(looked / 2 / 5);
    expect(told.filter(({ done }) => done <= looked / 2).length).toBeLessThan(looked / 2 / 3);
  });

  it("drops what turns out to be none of it, and never runs backwards", async () => {
    const dear = { ...window, regions: 8 };
    // The window wins by an engine that is right in windows alone, and its flipped copies are more than the budget has.
    const { told } = await searched({
      seconds: 265,
      options: [plain, dear as typeof window],
      engine: rightInWindows,
    });
    expect(told.at(-1)!.total).toBeLessThan(told[0]!.total);
    expect(shares(told)).toEqual(shares(told).toSorted((a, b) => a - b));
    expect(told.at(-1)!.done).toBe(told.at(-1)!.total);
  });

  it("tries what is too slow last, for seconds of its own, and chooses as if it had not", async () => {
    const option = { zoom: { context: 1.5, tiles: 2, click_side: 40 }, ceiling: 1, regions: 4, closer: 1 };
    const alone = await searched({ seconds: 150, options: [plain] });
    const both = await searched({ seconds: 150, options: [plain], left: { option, seconds: 60 } });
    const { trials, other, ...chosen } = both.found;
    const { candidate, flips, passes, spent } = alone.found;
    expect(chosen).toEqual({ candidate, zoom: null, flips, passes, spent });
    expect(trials.slice(0, -2)).toEqual(alone.trials);
    expect(trials.slice(-2).map(({ rung, zoom }) => [rung, zoom])).toEqual([
      ["other", null],
      ["other", option.zoom],
    ]);
    expect(other).toMatchObject({ zoom: option.zoom, samples: 10, meanIou: trials.at(-1)?.meanIou });
    expect(other?.seconds).toBeLessThanOrEqual(60);
    expect(both.told.at(-1)!.done).toBe(both.told.at(-1)!.total);
    // Where the seconds encode too few samples, nothing is spent on it.
    const dear = { option: { ...option, regions: 16 }, seconds: 60 };
    expect((await searched({ seconds: 150, options: [plain], left: dear })).found.other).toBeNull();
  });

  it("goes no further once a stop was asked for", async () => {
    const { told, trials } = await searched({ seconds: 400, stopAfter: 40 });
    expect(trials.length).toBeLessThan(3);
    expect(told.at(-1)!.done).toBeLessThan(told.at(-1)!.total);
  });

  it("takes a step that ended early as done", async () => {
    const told: number[] = [];
    const progress = new SearchProgress(async (done) => void told.push(done));
    progress.plan([10, 4]);
    await progress.within(0.3);
    await progress.next();
    await progress.within(0.5);
    expect(told).toEqual([3, 10, 12]);
  });
});
