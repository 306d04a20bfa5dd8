import { describe, expect, it } from "vitest";
import { areaOf, boxOf } from "../../../src/imaging/geometry.ts";
import { flips } from "../../../src/imaging/flips.ts";
import { decodeRle, encodeRle } from "../../../src/imaging/rle.ts";
import type { BinaryMask, RgbImage } from "../../../src/imaging/types.ts";
import { maskAtSize } from "../../../src/imaging/postprocess.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { chooseRefine } from "../../../src/training/focus/choose-refine.ts";
import { seenThrough, trainingParts } from "../../../src/training/focus/parts.ts";
import { rleOf, type Sample } from "../../../src/training/data/samples.ts";
import { wholeView } from "../../helpers/low-res.ts";
import { planPrompt } from "../../../src/inference/plan.ts";

const zoom = { context: 1.5, tiles: 2, click_side: 100 };
const side = 400;

/** Strokes two pixels wide, crossing. */
function strokes(): BinaryMask {
  const data = new Uint8Array(side * side);
  for (let i = 120; i < 220; i++) {
    for (const d of [0, 1]) {
      data[i * side + 160 + d] = 1;
      data[(170 + d) * side + i] = 1;
    }
  }
  return { width: side, height: side, data };
}

function sampleOf(mask: BinaryMask): Sample {
  return {
    image: { id: "img", sha256: "img", bytes: 1, width: side, height: side, object_key: "img", group: null },
    annotation: { id: "ann", image: "img", counts: encodeRle(mask).counts, box: boxOf(mask), label: null },
  };
}

describe("a sample seen through a zoom", () => {
  const sample = sampleOf(strokes());

  it("is cut as predict cuts a prompt with its box", () => {
    const seen = seenThrough(sample, zoom);
    const plan = planPrompt({ box: sample.annotation.box }, [side, side], zoom, { maxTokens: 8 });
    expect(seen.window).toEqual(plan.window);
    expect(seen.parts.map(({ region }) => region)).toEqual(plan.views.map(({ region }) => region));
  });

  it("has parts that are samples of their own: size, mask and box counted from their corner", () => {
    const seen = seenThrough(sample, { ...zoom, tiles: 1 });
    const [part] = seen.parts;
    if (!part) throw new Error("there is a part");
    const [x0, y0, x1, y1] = part.region;
    expect([part.sample.image.width, part.sample.image.height]).toEqual([x1 - x0, y1 - y0]);
    expect(areaOf(decodeRle(rleOf(part.sample)))).toBe(areaOf(decodeRle(rleOf(sample))));
    expect(boxOf(decodeRle(rleOf(part.sample)))).toEqual(part.sample.annotation.box);
  });

  it("is itself for plain SAM", () => {
    expect(seenThrough(sample, null).parts[0]?.sample).toBe(sample);
    expect(trainingParts([sample], { zoom: null })).toEqual([sample]);
  });

  it("trains tiles and the window that clicks are answered from, each once", () => {
    const parts = trainingParts([sample], { zoom });
    expect(parts).toHaveLength(5);
    expect(new Set(parts.map(({ annotation }) => annotation.id)).size).toBe(5);
    expect(trainingParts([sample], { zoom: { ...zoom, tiles: 1 } })).toHaveLength(1);
  });

  it("trains on neighbours that lie wholly in a region that is encoded anyway", () => {
    const window = { ...zoom, tiles: 1 };
    const move = (name: string, [dx, dy]: [number, number]): Sample => {
      const data = new Uint8Array(side * side);
      for (let y = 0; y < 10; y++) for (let x = 0; x < 10; x++) data[(dy + y) * side + dx + x] = 1;
      const one = sampleOf({ width: side, height: side, data });
      return { ...one, annotation: { ...one.annotation, id: name } };
    };
    const [x0, y0, x1] = seenThrough(sample, window).window;
    const [inside, cut] = [move("inside", [x0 + 1, y0 + 1]), move("cut", [x1 - 5, y0 + 20])];
    const elsewhere = { ...inside, image: { ...inside.image, id: "other" } };
    const parts = trainingParts([sample], { zoom: window, nearby: [sample, inside, cut, elsewhere] });
    expect(parts.map(({ annotation }) => annotation.id.split("@")[0])).toEqual(["ann", "inside"]);
    expect(new Set(parts.map(({ image }) => image.id)).size).toBe(1);
    expect(parts[1]?.annotation.box).toEqual([1, 1, 11, 11]);
    expect(areaOf(decodeRle(rleOf(parts[1] as Sample)))).toBe(100);
    expect(trainingParts([sample], { zoom: null, nearby: [inside] })).toEqual([sample]);
  });

  it("trains flipped copies too, whose masks lie in their boxes", () => {
    const parts = trainingParts([sample], { zoom, flips });
    expect(parts).toHaveLength(20);
    expect(new Set(parts.map(({ image }) => image.id)).size).toBe(20);
    expect(new Set(parts.map(({ annotation }) => annotation.counts)).size).toBeGreaterThan(10);
    for (const part of parts) {
      const [found, said] = [boxOf(decodeRle(rleOf(part))), part.annotation.box];
      if (found)
        expect([0, 1, 2, 3].every((i) => (i < 2 ? found[i]! >= said[i]! : found[i]! <= said[i]!))).toBe(true);
    }
  });
});

describe("the choice of a filter", () => {
  const mask = strokes();
  const sample = sampleOf(mask);
  const never = new AbortController().signal;
  /** What a coarse decoder would say: near the strokes, yes. */
  const blurred = wholeView(side, (x, y) => {
    const near = (a: number, b: number, along: number): number =>
      along >= 118 && along < 222 ? Math.abs(a - b - 0.5) : 99;
    return 2 - 0.5 * Math.min(near(x, 160, y), near(y, 170, x));
  });
  const answer = { sample, window: [0, 0, side, side] as const, views: [blurred], predictedIou: 1 };

  it("finds strokes that have a colour of their own", async () => {
    const random = seededRandom(5);
    const data = Uint8Array.from(
      { length: 3 * side * side },
      (_, i) => (mask.data[Math.floor(i / 3)] === 1 ? 60 : 220) + random.below(16),
    );
    const image: RgbImage = { width: side, height: side, data };
    const choice = await chooseRefine([answer], async () => image, { signal: never });
    expect(choice.refine).not.toBeNull();
    expect(choice.iou).toBeGreaterThan(choice.plainIou + 0.3);
  });

  it("is none where the image says nothing of the truth", async () => {
    const random = seededRandom(6);
    const data = Uint8Array.from({ length: 3 * side * side }, () => random.below(256));
    const image: RgbImage = { width: side, height: side, data };
    const said = maskAtSize(blurred.lowRes, [side, side]);
    const exact = { ...answer, sample: sampleOf(said) };
    const choice = await chooseRefine([exact], async () => image, { signal: never });
    expect(choice).toEqual({ refine: null, plainIou: 1, iou: 1 });
  });
});
