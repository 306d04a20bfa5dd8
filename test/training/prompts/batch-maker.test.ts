import { describe, expect, it } from "vitest";
import { toInputFrame } from "../../../src/imaging/coordinates.ts";
import { cutMask } from "../../../src/imaging/cut-mask.ts";
import { decodeRle, encodeRle } from "../../../src/imaging/rle.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import { BatchMaker } from "../../../src/training/prompts/batch-maker.ts";
import type { PromptBatch } from "../../../src/training/engine/types.ts";
import { drawPlan, longestPrompt, promptMix, randomClick } from "../../../src/training/prompts/prompts.ts";
import { jitteredBoxes, rleOf, samplesOf, Targets, trainBatch } from "../../../src/training/data/samples.ts";
import { row, snapshotOf } from "../fixtures.ts";

/** Two rectangles on images of 64 x 48, that is 16 pixels of the frame to one of theirs. */
const snapshot = snapshotOf([row("a"), row("b", { box: [30, 10, 60, 44] })]);
const samples = samplesOf(snapshot, snapshot.images);
const embedding = new Float32Array(4);
const embeddingOf = () => Promise.resolve(embedding);
const cells = 65_536;

describe("mixed prompts", () => {
  it("come in the shares of the mix", () => {
    const random = seededRandom(8);
    const plans = Array.from({ length: 4000 }, () => drawPlan(random));
    const share = (count: number): number => count / plans.length;
    expect(share(plans.filter((p) => p.start === "click").length)).toBeCloseTo(promptMix.click, 1);
    const corrected = plans.filter((p) => p.corrections > 0);
    expect(share(corrected.length)).toBeCloseTo(promptMix.corrected, 1);
    expect(corrected.filter((p) => p.mask).length / corrected.length).toBeCloseTo(promptMix.masked, 1);
    expect(new Set(plans.map((p) => p.corrections))).toEqual(new Set([0, 1, 2]));
    expect(plans.some((p) => p.mask && p.corrections === 0)).toBe(false);
  });

  it("click first on every part of a mask and nowhere else", () => {
    const data = Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1);
    const mask = cutMask(encodeRle({ width: 5, height: 3, data }));
    const random = seededRandom(2);
    const clicked = new Set(Array.from({ length: 100 }, () => randomClick(mask, random)!.join()));
    expect([...clicked].sort()).toEqual(["1.5,0.5", "3.5,1.5", "4.5,1.5", "4.5,2.5"]);
    expect(randomClick(null, random)).toBeNull();
  });
});

describe("the batches of a run", () => {
  const never = { predict: () => Promise.reject(new Error("no prediction is wanted")) };

  it("are those of jittered boxes where the recipe says so, and ask the engine nothing", async () => {
    const recipe = { prompts: "box", jitter: 0.05, loss: "dice_bce_boundary" } as const;
    const maker = new BatchMaker({ samples, recipe, seed: 5, embeddingOf, engine: never });
    const batch = await maker.finish(await maker.prepare(2, [1, 0]));
    const boxes = jitteredBoxes(samples, [1, 0], { seed: 5, epoch: 2, jitter: 0.05 });
    const targets = new Targets();
    const pair = [samples[1]!, samples[0]!];
    expect(batch).toEqual(await trainBatch(pair, boxes, { embeddingOf, targets, edges: true }));
    expect(batch.edges!.subarray(0, cells)).toEqual(targets.edgesOf(samples[1]!));
    expect(batch.edges!.some((value) => value > 0)).toBe(true);
  });

  /** Always answers with the image's left cells, so that what is wrong is known. */
  const left = (width = 128) => {
    const asked: PromptBatch[] = [];
    const predict = (batch: PromptBatch) => {
      asked.push(batch);
      const count = batch.embeddings.length;
      const logits = Float32Array.from({ length: count * cells }, (_, i) => (i % 256 < width ? 2 : -2));
      return Promise.resolve({ logits, iou: new Float32Array(count) });
    };
    return { predict, asked };
  };
  const recipe = { prompts: "mixed", jitter: 0.05, loss: "dice_bce" } as const;

  it("put first clicks into the mask, corrective ones into what is wrong, and pass the answer on", async () => {
    const seen = { clicks: 0, right: 0, wrong: 0, masks: 0, padded: 0, boxes: 0 };
    for (let epoch = 1; epoch <= 30; epoch++) {
      const width = epoch % 2 === 0 ? 128 : 80;
      const engine = left(width);
      const maker = new BatchMaker({ samples, recipe, seed: 1, embeddingOf, engine });
      const batch = await maker.finish(await maker.prepare(epoch, [0, 1]));
      expect(batch.labels).toHaveLength(2 * longestPrompt());
      expect(batch.embeddings).toEqual([embedding, embedding]);
      for (const i of [0, 1]) {
        const labels = [...batch.labels.subarray(i * longestPrompt(), (i + 1) * longestPrompt())];
        const boxed = labels[0] === 2;
        expect(labels.filter((label) => label === -1)).toHaveLength(boxed ? 0 : 1);
        const truth = decodeRle(rleOf(samples[i]!));
        labels.forEach((label, k) => {
          if (label !== 0 && label !== 1) return;
          const at = (i * longestPrompt() + k) * 2;
          const [x, y] = [batch.coords[at]! / 16, batch.coords[at + 1]! / 16];
          const inside = truth.data[Math.floor(y) * 64 + Math.floor(x)];
          expect(inside, `epoch ${epoch}, sample ${i}`).toBe(label);
          seen.clicks++;
          if (k === 0) return;
          // The answer says inside on the left, outside on the right: the click says otherwise.
          expect(x < width / 4 ? 0 : 1).toBe(label);
          seen[label === 1 ? "right" : "wrong"]++;
        });
        if (boxed) seen.boxes++;
        else seen.padded++;
        const mask = batch.masks?.subarray(i * cells, (i + 1) * cells);
        if (batch.hasMask?.[i] === 1) {
          seen.masks++;
          expect(mask![0]).toBe(2);
          expect(mask![200]).toBe(-2);
        } else expect(mask?.every((value) => value === 0) ?? true).toBe(true);
      }
    }
    for (const [what, count] of Object.entries(seen)) expect(count, what).toBeGreaterThan(2);
  });

  it("are the same for the same seed and others for another", async () => {
    const make = async (seed: number) => {
      const maker = new BatchMaker({ samples, recipe, seed, embeddingOf, engine: left() });
      const batches = [];
      for (const epoch of [1, 2, 3]) batches.push(await maker.finish(await maker.prepare(epoch, [0, 1])));
      return batches.map(({ coords, labels, hasMask }) => ({ coords, labels, hasMask }));
    };
    expect(await make(3)).toEqual(await make(3));
    expect(await make(3)).not.toEqual(await make(4));
  });

  it("keep a box within its noise", async () => {
    const maker = new BatchMaker({ samples, recipe, seed: 1, embeddingOf, engine: left() });
    const { batch, drafts } = await maker.prepare(1, [0, 1]);
    const boxed = drafts.findIndex(({ plan }) => plan.start === "box");
    const { annotation, image } = samples[boxed]!;
    const exact = toInputFrame(annotation.box, [image.height, image.width]);
    const box = batch.coords.subarray(boxed * longestPrompt() * 2, boxed * longestPrompt() * 2 + 4);
    box.forEach((value, i) => expect(Math.abs(value - exact[i]!)).toBeLessThan(16 * 20));
    expect(box).not.toEqual(exact);
  });
});
