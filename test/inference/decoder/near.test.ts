import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readGraphs } from "../../../src/graphs/files.ts";
import { asPng, discImage } from "../../worlds/images.ts";
import { boxOf } from "../../../src/imaging/geometry.ts";
import { iou } from "../../../src/imaging/metrics.ts";
import { decodeRle } from "../../../src/imaging/rle.ts";
import type { RleMask } from "../../../src/imaging/types.ts";
import { isNear, squareOf } from "../../../src/inference/decoder/near-tokens.ts";
import type { Prompt } from "../../../src/inference/types.ts";
import { imagePositionalEncoding } from "../../../src/model/prompt-encoder.ts";
import { segment, segmentNear } from "../../../src/model/sam.ts";
import { imageTokens } from "../../../src/model/types.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import {
  base,
  channelsLast,
  embedDrawing,
  largestDifference,
  toTensors,
  useWasm,
} from "../../parity/support.ts";
import { countedSource } from "../../helpers/inference.ts";
import { masksOf, openDisc } from "../disc.ts";

const graph = readGraphs().find(({ near }) => near);
const tokens = (...coords: number[]) => ({ coords: Float32Array.from(coords), labels: [2, 3] });

describe("boxes that are decoded from the image tokens near them", () => {
  it("are those that leave room in the square, which lies inside the image", () => {
    const near = graph?.near;
    if (!near) throw new Error("no graph for small boxes");
    expect(near.side).toBe(16);
    expect(isNear(tokens(0, 0, 192, 192), near)).toBe(true);
    expect(isNear(tokens(0, 0, 193, 10), near)).toBe(false);
    expect(isNear({ coords: Float32Array.of(5, 5, 0, 0), labels: [1, -1] }, near)).toBe(false);
    expect(squareOf(tokens(500, 300, 524, 340), 16)).toEqual([24, 12]);
    expect(squareOf(tokens(0, 1000, 20, 1024), 16)).toEqual([0, 48]);
  });
});

describe("the decoder on a square that is the whole image", () => {
  it("gives what it gives on all tokens", async () => {
    await useWasm();
    const weights = toTensors(await base.decoderWeights());
    const drawing = channelsLast(await embedDrawing(seededRandom(7)));
    const embedding = tf.reshape(drawing, [1, imageTokens, 256]);
    const imagePe = imagePositionalEncoding(weights);
    const prompt = {
      coords: tf.tensor([
        [
          [300, 280],
          [420, 400],
        ],
      ]),
      labels: tf.tensor([[2, 3]]),
    };
    const all = segment({ embedding, imagePe, ...prompt }, weights, { maskTokens: [0] });
    const near = { side: 64, logCounts: tf.zeros([1, 1, imageTokens]) };
    const square = segmentNear({ image: embedding, imagePe, ...prompt, near }, weights);
    expect(largestDifference(await square.logits.data(), await all.logits.data())).toBeLessThan(1e-3);
    expect(largestDifference(await square.iou.data(), await all.iou.data())).toBeLessThan(1e-4);
  }, 240_000);
});

/** Six small discs on one page of 400 x 300, their exact masks and boxes. */
async function drawDiscs() {
  const places = Array.from({ length: 6 }, (_, i) => ({
    x: 60 + 110 * (i % 3),
    y: 70 + 140 * Math.floor(i / 3),
    radius: 12 + 3 * i,
  }));
  const drawn = places.map((place) => discImage(400, 300, place));
  const [{ image }] = drawn as [(typeof drawn)[0], ...typeof drawn];
  for (const { image: own, mask } of drawn)
    for (const [i, inside] of mask.data.entries())
      if (inside) image.data.set(own.data.subarray(3 * i, 3 * i + 3), 3 * i);
  const masks = drawn.map(({ mask }) => mask);
  return { png: await asPng(image), masks, boxes: masks.map(boxOf) };
}

describe("predict with near", () => {
  let disc: Awaited<ReturnType<typeof openDisc>>;
  let drawn: Awaited<ReturnType<typeof drawDiscs>>;
  beforeAll(async () => {
    disc = await openDisc();
    drawn = await drawDiscs();
  });
  afterAll(() => disc?.close());

  const ask = (prompts: readonly Prompt[], near: boolean) =>
    disc.predict(prompts, { image: countedSource(drawn.png), near });

  it("finds small discs as well as all tokens do, whoever else is asked for", async () => {
    const prompts = drawn.boxes.map((box) => ({ box }));
    const [all, near] = [await ask(prompts, false), await ask(prompts, true)];
    for (const [i, truth] of drawn.masks.entries()) {
      const [whole] = masksOf(all, i);
      const [own] = masksOf(near, i);
      const mask = decodeRle(own?.mask as RleMask);
      expect(iou(mask, truth)).toBeGreaterThan(0.9);
      expect(iou(mask, decodeRle(whole?.mask as RleMask))).toBeGreaterThan(0.95);
      expect(own?.score).toBeCloseTo(whole?.score ?? 0, 1);
    }
    expect(masksOf(near, 0)).not.toEqual(masksOf(all, 0));
    const [alone] = masksOf(await ask(prompts.slice(0, 1), true), 0);
    expect(alone?.mask).toEqual(masksOf(near, 0)[0]?.mask);
  });

  it("decodes large boxes, points and boxes with points from all tokens", async () => {
    const [x0, y0, x1, y1] = drawn.boxes[0] as [number, number, number, number];
    const prompts: Prompt[] = [
      { box: [0, 0, 300, 300] },
      { points: [[(x0 + x1) / 2, (y0 + y1) / 2, 1]] },
      { box: [x0, y0, x1, y1], points: [[(x0 + x1) / 2, (y0 + y1) / 2, 1]] },
    ];
    expect((await ask(prompts, true)).results).toEqual((await ask(prompts, false)).results);
  });
});
