import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { matchMasks } from "../worlds/match-masks.ts";
import type { EverythingReference } from "../worlds/everything-reference.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import type { RleMask } from "../../src/imaging/types.ts";
import { everythingDefaults } from "../../src/domain/everything.ts";
import type { EverythingMask } from "../../src/inference/everything/types.ts";
import type { Inference } from "../../src/inference/inference.ts";
import { asPng } from "../worlds/images.ts";
import { countedSource, testInference } from "../helpers/inference.ts";
import { localTestStore } from "../helpers/objects.ts";
import { sceneImage } from "../worlds/scene.ts";

/** Written by tools/reference/everything.ts: Meta's generator on the same weights and the same drawn image. */
const reference = JSON.parse(
  readFileSync(new URL("reference/everything.json", import.meta.url), "utf8"),
) as EverythingReference;

let storage: Awaited<ReturnType<typeof localTestStore>>;
let inference: Inference;
beforeAll(async () => {
  storage = await localTestStore();
  inference = await testInference(storage.store);
});
afterAll(async () => {
  await inference.close();
  await storage.close();
});

describe("segment-everything finds what Meta's SamAutomaticMaskGenerator finds", () => {
  const scene = sceneImage();
  test.each(reference.cases.map((one) => [JSON.stringify(one.settings), one] as const))(
    "with %s",
    async (_name, { settings, masks: wanted }) => {
      const source = countedSource(await asPng(scene));
      const { results } = await inference.segmentEverything({
        workspaceId: "ws_1",
        baseModel: "mobile_sam",
        image: { ...source, size: [scene.height, scene.width] },
        versions: [{ number: 0 }],
        settings: { ...everythingDefaults, ...settings },
        format: "rle",
        maxAnswerBytes: 1e6,
      });
      const found = results[0]?.masks ?? [];
      expect(found).toHaveLength(wanted.length);
      expect(wanted.length).toBeGreaterThan(7);
      const match = matchMasks(
        found.map(({ mask }) => decodeRle(mask as RleMask)),
        wanted.map(({ size, counts }) => decodeRle({ format: "rle", size, counts })),
      );
      expect(match.pairs).toBe(wanted.length);
      expect(match.meanIou).toBeGreaterThan(0.995);
      expect(match.minIou).toBeGreaterThan(0.98);
      // In the same order, each found by the same point in the same crop.
      for (const [i, mask] of found.entries()) expectAlike(mask, wanted[i]);
    },
  );
});

function expectAlike(
  ours: EverythingMask,
  theirs: EverythingReference["cases"][number]["masks"][number] | undefined,
) {
  if (!theirs) throw new Error("a mask too many");
  expect(ours.point.map((value, i) => Math.abs(value - (theirs.point[i] as number)) < 1e-6)).toEqual([
    true,
    true,
  ]);
  const [x, y, width, height] = theirs.crop as [number, number, number, number];
  expect(ours.crop).toEqual([x, y, x + width, y + height]);
  expect(Math.abs(ours.score - theirs.score)).toBeLessThan(2e-4);
  expect(Math.abs(ours.stability - theirs.stability)).toBeLessThan(5e-3);
  // Meta's boxes name the last pixel, ours the edge after it.
  const [bx, by, bw, bh] = theirs.bbox as [number, number, number, number];
  const wanted = [bx, by, bx + bw + 1, by + bh + 1];
  expect(ours.bbox.every((value, i) => Math.abs(value - (wanted[i] as number)) <= 1)).toBe(true);
  expect(Math.abs(ours.area / theirs.area - 1)).toBeLessThan(0.02);
}
