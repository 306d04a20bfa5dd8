import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { boxOf } from "../../src/imaging/geometry.ts";
import { iou } from "../../src/imaging/metrics.ts";
import { featureCount, headParts, type PointHead, writeHead } from "../../src/imaging/points/head.ts";
import type { BinaryMask } from "../../src/imaging/types.ts";
import { readLogits, readMask, writeMask } from "../../src/imaging/wire-mask.ts";
import { windowOf } from "../../src/imaging/windows.ts";
import type { Prompt } from "../../src/inference/types.ts";
import type { Focus } from "../../src/domain/focus.ts";
import { keys } from "../../src/storage/keys.ts";
import { codeOf } from "../helpers/codes.ts";
import { testInference } from "../helpers/inference.ts";
import { keysBelow } from "../helpers/objects.ts";
import { box, centre, masksOf, openDisc, size, truth } from "./disc.ts";

let disc: Awaited<ReturnType<typeof openDisc>>;
beforeAll(async () => {
  disc = await openDisc();
});
afterAll(() => disc.close());

const zoom = { context: 1.5, tiles: 1, click_side: 180 };
const refine = { radius: 4, epsilon: 1e-3, threshold: 0.5 };
const focused = (focus: Focus) => ({ versions: [{ number: 0, focus }], size });
const regions = (): Promise<string[]> => keysBelow(disc.store, "workspaces/ws_1/");

const ask = async (prompt: Prompt, focus: Focus): Promise<BinaryMask> => {
  const [answer] = masksOf(await disc.predict([prompt], focused(focus)));
  if (!answer) throw new Error("no mask came");
  return readMask(answer.mask, size);
};

/** A head that adds nothing but to pixels outside of the box: surely background. */
function outsideIsNothing(): PointHead {
  const parts = headParts(1).map(([part, count]) => [part, new Float32Array(count)]);
  const head = { hidden: 1, ...Object.fromEntries(parts) } as PointHead;
  head.scale.fill(1);
  head.w1[featureCount - 4] = -1;
  head.w2[0] = 1;
  head.w3[0] = -100;
  return head;
}

describe("a version that looks closer", () => {
  test.each<[string, Prompt, Focus]>([
    ["a box in a window", { box }, { zoom, refine: null }],
    ["a click in a window", { points: [centre] }, { zoom, refine: null }],
    ["a box in four tiles", { box }, { zoom: { ...zoom, tiles: 2 }, refine: null }],
    [
      "a click, found first and then cut into tiles",
      { points: [centre] },
      { zoom: { ...zoom, tiles: 2 }, refine: null },
    ],
    ["a box, sharpened along the image's edges", { box }, { zoom: null, refine }],
    ["both", { box, points: [centre] }, { zoom, refine }],
  ])("finds the object from %s, in the whole image's pixels", async (_what, prompt, focus) => {
    expect(iou(await ask(prompt, focus), truth)).toBeGreaterThan(0.93);
  });

  test("gives the same bits where its tiles are decoded side by side", async () => {
    const tiled = focused({ zoom: { ...zoom, tiles: 2 }, refine: null });
    const prompts = [{ box }, { box, mask: await writeMask(truth, "rle") }];
    const inTurn = await disc.predict(prompts, tiled);
    const inference = await testInference(disc.store, { threads: 2 });
    try {
      const sideBySide = await inference.predict({ ...disc.request, ...tiled, prompts });
      expect(sideBySide.results).toEqual(inTurn.results);
    } finally {
      await inference.close();
    }
  });

  test("encodes the window and not the image, once", async () => {
    const own = await openDisc();
    try {
      const first = await own.predict([{ box }], focused({ zoom, refine: null }));
      expect(first.embeddingFrom).toBe("encoder");
      expect([first.width, first.height]).toEqual([400, 300]);
      const { embeddingId } = await own.inference.baseModel("mobile_sam");
      const window = windowOf({ box }, size, zoom);
      expect(await keysBelow(own.store, "workspaces/ws_1/")).toEqual([
        keys.regionEmbedding("ws_1", embeddingId, own.request.image.sha256, { region: window }),
      ]);
      const again = await own.predict([{ box }], focused({ zoom, refine: null }));
      expect(again.embeddingFrom).toBe("memory");
      expect(again.results).toEqual(first.results);
    } finally {
      await own.close();
    }
  });

  test("follows the image's edges where it sharpens", async () => {
    const plain = await ask({ box }, { zoom: null, refine: null });
    const sharp = await ask({ box }, { zoom: null, refine });
    expect(iou(sharp, truth)).toBeGreaterThan(iou(plain, truth));
  });

  test("lets a point head judge pixels, by the caller's own box where there is one", async () => {
    const narrow: Prompt = { box: [box[0], box[1], box[2], (box[1] + box[3]) / 2], points: [centre] };
    const cutting: Focus = { zoom, refine: writeHead(outsideIsNothing()) };
    const free = await ask(narrow, { zoom, refine: null });
    const cut = await ask(narrow, cutting);
    const bottom = boxOf(free)[3];
    expect(boxOf(cut)[3]).toBeLessThanOrEqual(Math.ceil(narrow.box?.[3] ?? 0));
    expect(boxOf(cut)[3]).toBeLessThan(bottom);
    // Scores are shifted with the masks, and stay in [0, 1].
    const scoreWith = async (shift: number): Promise<number> => {
      const focus: Focus = { zoom, refine: writeHead(outsideIsNothing(), { scoreShift: shift }) };
      return masksOf(await disc.predict([{ box }], focused(focus)))[0]?.score ?? Number.NaN;
    };
    expect((await scoreWith(0)) - (await scoreWith(-0.25))).toBeCloseTo(0.25, 6);
    expect(await scoreWith(1)).toBe(1);
    // A click has no box, and neither has one whose object was found first to be cut into tiles.
    for (const tiles of [1, 2]) {
      const focus: Focus = { zoom: { ...zoom, tiles }, refine: null };
      expect(await ask({ points: [centre] }, { ...focus, refine: cutting.refine })).toEqual(
        await ask({ points: [centre] }, focus),
      );
    }
  });

  test("answers beside a version that does not, each as it would alone", async () => {
    const focus: Focus = { zoom, refine };
    const both = await disc.predict([{ box }, { points: [centre] }], {
      versions: [{ number: 0 }, { number: 0, focus }],
    });
    const plain = await disc.predict([{ box }, { points: [centre] }]);
    const close = await disc.predict([{ box }, { points: [centre] }], { versions: [{ number: 0, focus }] });
    expect(both.results).toEqual([...plain.results, ...close.results]);
  });

  test("takes a mask prompt in the image's frame, and gives one that any version takes", async () => {
    const focus: Focus = { zoom, refine: null };
    const mask = await writeMask(truth, "rle");
    expect(iou(await ask({ box, mask }, focus), truth)).toBeGreaterThan(0.9);
    const [first] = masksOf(await disc.predict([{ box }], { ...focused(focus), lowRes: true }));
    if (!first?.lowRes) throw new Error("no low-res logits came");
    expect(first.lowRes.shape).toEqual([256, 256]);
    const logits = readLogits(first.lowRes);
    // 0.64 low-res cells to a pixel: inside the disc, and outside the window.
    expect(logits[Math.floor(140 * 0.64) * 256 + Math.floor(150 * 0.64)]).toBeGreaterThan(0);
    expect(logits[Math.floor(280 * 0.64) * 256 + Math.floor(380 * 0.64)]).toBeLessThan(0);
    expect(iou(await ask({ points: [centre], mask: first.lowRes }, focus), truth)).toBeGreaterThan(0.9);
    expect(
      iou(await ask({ points: [centre], mask: first.lowRes }, { zoom: null, refine: null }), truth),
    ).toBeGreaterThan(0.9);
  });

  test("gives logits at the image's size whose sign is the mask", async () => {
    const focus: Focus = { zoom, refine };
    const [answer] = masksOf(await disc.predict([{ box }], { ...focused(focus), format: "logits" }));
    if (answer?.mask.format !== "logits") throw new Error("no logits came");
    const logits = readLogits(answer.mask);
    const mask = await ask({ box }, focus);
    expect(Uint8Array.from(logits, (logit) => (logit > 0 ? 1 : 0))).toEqual(mask.data);
  });

  test("refuses prompts that look at too many places before any is encoded", async () => {
    const before = await regions();
    const side = { context: 1, tiles: 4, click_side: 30 };
    const prompts = Array.from({ length: 30 }, (_, i): Prompt => {
      const [x, y] = [60 * (i % 6), 50 * Math.floor(i / 6)];
      return { box: [x, y, x + 56, y + 48] };
    });
    const asked = () => disc.predict(prompts, focused({ zoom: side, refine: null }));
    expect(await codeOf(asked)).toBe("too_many_regions");
    expect(await regions()).toEqual(before);
  });
});
