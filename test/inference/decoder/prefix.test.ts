import { afterAll, beforeAll, expect, test } from "vitest";
import { iou } from "../../../src/imaging/metrics.ts";
import { decodeRle } from "../../../src/imaging/rle.ts";
import { readLogits } from "../../../src/imaging/wire-mask.ts";
import { packWeights } from "../../../src/inference/decoder/packed-weights.ts";
import { PrefixCache } from "../../../src/inference/decoder/prefix-cache.ts";
import { type DecoderTask, prefixBytes } from "../../../src/inference/decoder/task.ts";
import type { ImageEmbedding } from "../../../src/inference/types.ts";
import { asPng } from "../../worlds/images.ts";
import { countedSource, testInference } from "../../helpers/inference.ts";
import { sceneImage } from "../../worlds/scene.ts";
import { box, centre, masksOf, openDisc } from "../disc.ts";

let disc: Awaited<ReturnType<typeof openDisc>>;
beforeAll(async () => {
  disc = await openDisc();
});
afterAll(() => disc.close());

test("a kept prefix answers as the one just made, bit for bit, and as the whole decoder, nearly", async () => {
  const whole = await testInference(disc.store, { prefixBytes: 0 });
  try {
    for (const multimask of [false, true]) {
      const prompts = [{ box }, { points: [centre] }];
      const wanted = { multimask, lowRes: true };
      const made = await disc.predict(prompts, wanted);
      const kept = await disc.predict(prompts, wanted);
      const plain = await whole.predict({ ...disc.request, ...wanted, prompts });
      for (const prompt of prompts.keys()) {
        expect(masksOf(kept, prompt)).toEqual(masksOf(made, prompt));
        const [ours, theirs] = [kept, plain].map((result) => masksOf(result, prompt));
        expect(ours).toHaveLength(multimask ? 3 : 1);
        for (const [i, { lowRes, score }] of (ours ?? []).entries()) {
          const other = theirs?.[i];
          if (!lowRes || !other?.lowRes) throw new Error("no low-res logits came");
          expect(score).toBeCloseTo(other.score, 4);
          const [a, b] = [readLogits(lowRes), readLogits(other.lowRes)];
          expect(Math.max(...a.map((value, at) => Math.abs(value - (b[at] as number))))).toBeLessThan(1e-3);
        }
      }
    }
  } finally {
    await whole.close();
  }
});

test("masks of a drawn scene are those of the whole decoder", async () => {
  const whole = await testInference(disc.store, { prefixBytes: 0 });
  try {
    const scene = { ...disc.request, image: countedSource(await asPng(sceneImage())) };
    const prompts = [
      { box: [20, 15, 80, 75] },
      { points: [[205, 30, 1]] },
      { box: [80, 90, 100, 165], points: [[90, 130, 1]] },
      { points: [[150, 140, 1]] },
    ] as const;
    for (const multimask of [false, true]) {
      const [ours, theirs] = [
        await disc.inference.predict({ ...scene, prompts, multimask }),
        await whole.predict({ ...scene, prompts, multimask }),
      ];
      for (const prompt of prompts.keys()) {
        for (const [i, { mask, area }] of masksOf(ours, prompt).entries()) {
          const other = masksOf(theirs, prompt)[i];
          if (mask.format !== "rle" || other?.mask.format !== "rle") throw new Error("no run lengths came");
          expect(area).toBeGreaterThan(0);
          expect(iou(decodeRle(mask), decodeRle(other.mask))).toBeGreaterThanOrEqual(0.999);
        }
      }
    }
  } finally {
    await whole.close();
  }
});

const embeddingOf = (): ImageEmbedding => ({
  family: "sam",
  data: new Float32Array(1),
  width: 1,
  height: 1,
});
function taskOf(embedding: ImageEmbedding, id: string): DecoderTask {
  const split = { all: "", first: "", positions: "", parts: "", prefix: "" };
  return {
    graph: { family: "sam", path: "", points: 2, mask: false, split, near: null },
    threads: 1,
    weights: packWeights(id, {}),
    embedding,
  };
}

/** Runs a task as a worker does that makes what it is asked to; tells what the task brought. */
async function brought(cache: PrefixCache, task: DecoderTask): Promise<DecoderTask["prefix"]> {
  let given: DecoderTask["prefix"];
  await cache.with(task, (own) => {
    given = own.prefix;
    return Promise.resolve(own.prefix === "make" ? { prefix: new SharedArrayBuffer(8) } : {});
  });
  return given;
}

test("a prefix belongs to one embedding and one version, and goes with the embedding or for newer ones", async () => {
  const cache = new PrefixCache(2 * prefixBytes + 1);
  const [one, other] = [embeddingOf(), embeddingOf()];
  expect(await brought(cache, taskOf(one, "a"))).toBe("make");
  const kept = await brought(cache, taskOf(one, "a"));
  expect(kept).toBeInstanceOf(SharedArrayBuffer);
  expect(await brought(cache, taskOf(one, "b"))).toBe("make");
  expect(await brought(cache, taskOf(one, "a"))).toBe(kept);
  expect(await brought(cache, taskOf(other, "a"))).toBe("make");
  // There is room for two: that of version b was the least used.
  expect(await brought(cache, taskOf(one, "a"))).toBe(kept);
  expect(await brought(cache, taskOf(one, "b"))).toBe("make");
  expect(await brought(cache, taskOf(other, "a"))).toBe("make");
  cache.forget(one);
  expect(await brought(cache, taskOf(other, "a"))).toBeInstanceOf(SharedArrayBuffer);
  expect(await brought(cache, taskOf(one, "b"))).toBe("make");
});

test("nothing is kept of an embedding that left while its prefix was made, nor where there is no room, nor of masks", async () => {
  const cache = new PrefixCache(prefixBytes);
  const task = taskOf(embeddingOf(), "a");
  await cache.with(task, () => {
    cache.forget(task.embedding);
    return Promise.resolve({ prefix: new SharedArrayBuffer(8) });
  });
  expect(await brought(cache, task)).toBe("make");
  expect(await brought(new PrefixCache(prefixBytes - 1), task)).toBeUndefined();
  expect(await brought(cache, { ...task, graph: { ...task.graph, split: null } })).toBeUndefined();
});
