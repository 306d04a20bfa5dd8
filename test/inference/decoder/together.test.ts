import { expect, test } from "vitest";
import { packWeights } from "../../../src/inference/decoder/packed-weights.ts";
import { Together } from "../../../src/inference/decoder/together.ts";
import type { ViewResult, ViewTask } from "../../../src/inference/decoder/view-task.ts";

const [one, other] = [new Float32Array(1), new Float32Array(1)];
const wish = { multimask: false, format: "rle", polygonTolerance: 0, lowRes: false } as const;

/** Prompts by their index, so that an answer tells whose it is. */
function task(indices: number[], data = one, options: { version?: string; mask?: boolean } = {}): ViewTask {
  const { version = "base", mask = false } = options;
  return {
    graph: {
      family: "sam",
      path: mask ? "with-mask.onnx" : "decoder.onnx",
      points: 2,
      mask,
      split: null,
      near: null,
    },
    near: false,
    threads: 1,
    weights: packWeights(version, {}),
    size: [10, 10],
    views: [{ region: [0, 0, 10, 10], embedding: { family: "sam", data, width: 10, height: 10 } }],
    refine: null,
    prompts: indices.map((index) => ({
      index,
      window: [0, 0, 10, 10],
      tokens: [{ coords: new Float32Array(4), labels: [2, 3] }],
      box: null,
      wish,
    })),
  };
}

/** One worker that ends its runs when it is told to, and notes what it was given. */
function worker() {
  const runs: number[][] = [];
  const open: PromiseWithResolvers<ViewResult>[] = [];
  const lines = new Together(1, (given) => {
    runs.push(given.prompts.map(({ index }) => index));
    const run = Promise.withResolvers<ViewResult>();
    open.push(run);
    return run.promise;
  });
  const together = { decode: (own: ViewTask, owner = "ws_1") => lines.decode(own, owner) };
  const answer = (index: number) => ({ masks: [{ score: index, bbox: [0, 0, 1, 1], area: 1 }] });
  const end = async (): Promise<void> => {
    const predictions = (runs[runs.length - 1] as number[]).map(answer);
    open.shift()?.resolve({ startedAt: 0, decodeMs: 1, encodeMs: 1, predictions } as unknown as ViewResult);
    // What follows a run has begun once all promises have settled.
    await new Promise(setImmediate);
  };
  return { together, runs, end, fail: (error: Error) => open.shift()?.reject(error) };
}
const scores = async (result: Promise<ViewResult>): Promise<number[]> =>
  (await result).predictions.map(({ masks }) => masks[0]?.score ?? -1);

test("what waits for one embedding goes in one run, and everyone gets their own answers, the first in line first", async () => {
  const { together, runs, end } = worker();
  const first = together.decode(task([1]));
  const elsewhere = together.decode(task([2], other));
  const three = [[3, 4], [5], [6]].map((indices) => together.decode(task(indices, other)));
  expect(runs).toEqual([[1]]);
  await end();
  expect(await scores(first)).toEqual([1]);
  // [6] would be a fifth prompt.
  expect(runs).toEqual([[1], [2, 3, 4, 5]]);
  await end();
  expect(await scores(elsewhere)).toEqual([2]);
  expect(await scores(three[0] as Promise<ViewResult>)).toEqual([3, 4]);
  expect(await scores(three[1] as Promise<ViewResult>)).toEqual([5]);
  await end();
  expect(await scores(three[2] as Promise<ViewResult>)).toEqual([6]);
});

test("another version, and a prompt with a mask, go by themselves", async () => {
  const { together, runs, end } = worker();
  const all = [
    together.decode(task([1])),
    together.decode(task([2], one, { mask: true })),
    together.decode(task([3], one, { mask: true })),
    together.decode(task([4], one, { version: "tuned" })),
    together.decode(task([5])),
  ];
  for (const result of all) {
    await end();
    await result;
  }
  expect(runs).toEqual([[1], [2], [3], [4], [5]]);
});

test("a run that fails fails those in it, and the next one starts", async () => {
  const { together, runs, end, fail } = worker();
  const [first, second] = [together.decode(task([1])), together.decode(task([2]))];
  fail(new Error("out of memory"));
  await expect(first).rejects.toThrow("out of memory");
  await end();
  expect(await scores(second)).toEqual([2]);
  expect(runs).toEqual([[1], [2]]);
});

test("workspaces take turns, however long one's line is", async () => {
  const { together, runs, end } = worker();
  const data = [1, 2, 3, 4, 5].map(() => new Float32Array(1));
  const all = data.map((own, i) => together.decode(task([i + 1], own), "ws_busy"));
  all.push(together.decode(task([6], other), "ws_quiet"));
  for (let i = 0; i < all.length; i++) await end();
  await Promise.all(all);
  expect(runs).toEqual([[1], [2], [6], [3], [4], [5]]);
});
