import { describe, expect, it } from "vitest";
import { decodeSafetensors } from "../../../src/checkpoint/safetensors.ts";
import { encodeRle } from "../../../src/imaging/rle.ts";
import type { Box } from "../../../src/imaging/types.ts";
import { packWeights } from "../../../src/inference/decoder/packed-weights.ts";
import { labelScore } from "../../../src/inference/find/scores.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import type { Sample } from "../../../src/training/data/samples.ts";
import { doubtsOf, marked, noDoubts } from "../../../src/training/finder/half-annotated.ts";
import { lessonsOf } from "../../../src/training/finder/lessons.ts";
import { type Look, looksAt } from "../../../src/training/finder/looks.ts";
import { trainFinder } from "../../../src/training/finder/train-finder.ts";
import { rectangleMask } from "../../worlds/images.ts";

const side = 256;
const noise = 0.3;
/** Ten squares of 16 pixels on an image of 256 x 256, 4 cells each, that the embedding's first channels show. */
const drawn = (id: number, kept: number, complete?: boolean) => {
  const random = seededRandom(id);
  const places = random.shuffle(Array.from({ length: 49 }, (_, i) => [(i % 7) * 36, Math.floor(i / 7) * 36]));
  const embedding = new Float32Array(64 * 64 * 256);
  for (let i = 0; i < embedding.length; i += 256)
    for (let c = 0; c < 8; c++) embedding[i + c] = -1 + noise * random.normal();
  const boxes = places.slice(0, 10).map(([x = 0, y = 0]): Box => [x, y, x + 16, y + 16]);
  for (const [x, y] of boxes)
    for (let cell = 0; cell < 16; cell++)
      for (let c = 0; c < 8; c++)
        embedding[((y / 4 + (cell >> 2)) * 64 + x / 4 + (cell & 3)) * 256 + c] = 1 + noise * random.normal();
  const image = {
    id: `img_${id}`,
    sha256: String(id),
    bytes: 1,
    width: side,
    height: side,
    object_key: String(id),
    group: null,
    ...(complete !== undefined && { complete }),
  };
  const samples = boxes.slice(0, kept).map((box, i): Sample => ({
    image,
    annotation: {
      id: `ann_${id}_${i}`,
      image: image.id,
      box,
      label: "square",
      counts: encodeRle(rectangleMask(side, side, box)).counts,
    },
  }));
  return { samples, embedding };
};

/** One in two of the twelve images that teach has one of its ten objects annotated, and one of the four that are held out. */
async function taught(said?: boolean) {
  const images = Array.from({ length: 16 }, (_, id) =>
    drawn(id, id % 2 === 1 && id !== 13 ? 1 : 10, id % 2 === 1 ? said : undefined),
  );
  const embeddings = new Map(
    images.map(({ samples, embedding }) => [samples[0]?.image.id as string, embedding]),
  );
  const samplesOf = (some: typeof images): Sample[] => some.flatMap(({ samples }) => samples);
  const run = {
    embeddingOf: async ({ id }: { id: string }) => embeddings.get(id) as Float32Array,
    seed: 0,
    signal: new AbortController().signal,
  };
  const data = {
    nearby: samplesOf(images.slice(0, 12)),
    whole: { selection: [], heldOut: samplesOf(images.slice(12)) },
    groupOf: ({ id }: { id: string }) => id,
  };
  const steps = { last: 40, half: 20, encodes: 0 };
  let left = 0;
  const trained = await trainFinder(run, data, steps, {
    empty: [],
    onStep: async (done, inAll) => {
      left = inAll - done;
    },
  });
  const { labels, pool } = trained.settings;
  const unseen = drawn(99, 10);
  embeddings.set("img_99", unseen.embedding);
  const weights = packWeights(`taught:${said}`, decodeSafetensors(trained.file).tensors);
  const [look] = await looksAt(lessonsOf(unseen.samples), weights, { ...run, labels, pool, threads: 1 });
  const right = (look as Look).peaks.filter(({ on }) => on === "object");
  const scores = right.map(({ logit }) => labelScore(logit, trained.settings));
  return {
    trained,
    left,
    surelyFound: scores.filter((score) => score >= 0.9).length / 10,
  };
}

describe("images of which one object in ten is annotated", () => {
  it("are told from the others, and do not teach that the rest is background", async () => {
    const [treated, believed] = [await taught(), await taught(true)];
    const { partial } = treated.trained;
    expect(partial.taught).toBe(6);
    expect([...partial.heldOut]).toEqual(["img_15"]);
    expect([...partial.asked].sort()).toEqual([1, 3, 5, 7, 9, 11, 15].map((id) => `img_${id}`).sort());
    // Whoever says that they are whole is believed.
    expect(believed.trained.partial).toEqual({ taught: 0, heldOut: new Set(), asked: [] });
    expect([treated.left, believed.left]).toEqual([0, 0]);
    expect(treated.surelyFound).toBe(1);
    expect(believed.surelyFound).toBeLessThan(0.6);
  }, 180_000);
});

describe("doubtsOf", () => {
  type Peaks = Look["peaks"];
  const peaks = (logits: readonly number[], on: Peaks[number]["on"]): Peaks =>
    logits.map((logit) => ({ logit, on }));
  const look = (id: number, objects: number, seen: Peaks, complete?: boolean): Look => {
    const [lesson] = lessonsOf(drawn(id, objects, complete).samples);
    return { lesson: lesson as Look["lesson"], peaks: seen };
  };
  const found = peaks([1, 2, 3, 4, 5, 6, 7, 8, 9], "object");

  it("takes an image for half-annotated where as much is missing as is there, and asks where less is", () => {
    const doubts = doubtsOf([
      look(1, 9, found),
      look(2, 6, peaks([5, 6, 7], "nothing")),
      look(3, 7, peaks([5, 6, 7], "nothing")),
      look(4, 10, peaks([5, 6, 7], "nothing")),
    ]);
    expect([...doubts.partial]).toEqual(["img_2"]);
    expect([...doubts.asked]).toEqual(["img_2", "img_3", "img_4"]);
  });

  it("looks only at finds where nothing is annotated, as sure as half of those that are right", () => {
    const faint = look(2, 1, peaks([4, 4, 4, 4], "nothing"));
    const beside = look(3, 1, peaks([9, 9, 9, 9], "other"));
    expect(doubtsOf([look(1, 9, found), faint, beside]).asked.size).toBe(0);
  });

  it("does not doubt what a person has said, nor anything on few finds", () => {
    const sure = peaks([9, 9, 9, 9], "nothing");
    expect(doubtsOf([look(1, 9, found), look(2, 1, sure, true)]).asked.size).toBe(0);
    expect(doubtsOf([look(1, 9, found.slice(0, 7)), look(2, 1, sure)]).asked.size).toBe(0);
  });
});

describe("marked", () => {
  it("goes by what a person has said before anything is found", () => {
    const lessons = [drawn(1, 1, false), drawn(2, 1, true), drawn(3, 1)].flatMap(({ samples }) =>
      lessonsOf(samples),
    );
    expect(marked(lessons, noDoubts).map(({ partial }) => partial)).toEqual([true, undefined, undefined]);
  });
});
