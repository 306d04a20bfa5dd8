import sharp from "sharp";
import { sql } from "../../src/db/drizzle.ts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeRle } from "../../src/imaging/rle.ts";
import { iou } from "../../src/imaging/metrics.ts";
import type { BinaryMask, RleMask } from "../../src/imaging/types.ts";
import { errorOf, type TestApp, testApp } from "../helpers/app.ts";
import { asPng, discImage } from "../worlds/images.ts";
import { discProject } from "../worlds/disc-project.ts";

let app: TestApp;
let url: string;
let image: string;
let truth: BinaryMask;
let bytes: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  app = await testApp({ MAX_EVERYTHING_POINTS: 100 });
  const made = await discProject(app);
  ({ image, truth, bytes } = made);
  url = `/v1/projects/${made.project}/segment-everything`;
});
afterAll(() => app?.close());

interface Segmentation {
  id: string;
  results: {
    version: number | "base";
    masks: (RleMask & { score: number; stability_score: number; bbox: number[]; area: number })[];
  }[];
}

const allKept = { pred_iou_thresh: 0, stability_score_thresh: 0 };
const drawn = { points_per_side: 10, ...allKept, image: { base64: "LARGE" } };

describe("POST segment-everything", () => {
  it("finds the disc without a prompt, says how, and logs it", async () => {
    const answer = await app.a.post(url, { image: { id: image }, points_per_side: 3 });
    expect(errorOf(answer)).toBe("200");
    expect(answer.headers.get("x-model-version")).toBe("base");
    const segmentation = answer.body as unknown as Segmentation;
    expect(segmentation).toMatchObject({
      id: expect.stringMatching(/^pred_/),
      object: "segmentation",
      image: { id: image, width: 120, height: 90, sha256: expect.any(String) },
      results: [{ version: "base" }],
      timing_ms: { total: expect.any(Number) },
    });
    const masks = segmentation.results[0]?.masks ?? [];
    expect(masks.length).toBeGreaterThan(0);
    expect(masks[0]).toMatchObject({
      format: "rle",
      size: [90, 120],
      stability_score: expect.any(Number),
      point: [expect.any(Number), expect.any(Number)],
      crop_box: [0, 0, 120, 90],
    });
    expect(Math.max(...masks.map((mask) => iou(decodeRle(mask), truth)))).toBeGreaterThan(0.9);
    const [row] = await app.db.execute(sql`select * from predictions where id = ${segmentation.id}`);
    expect(row).toMatchObject({
      versions: [0],
      prompts: 9,
      masks: masks.length,
      request: { format: "rle", everything: { pointsPerSide: 3, predIouThresh: 0.88 } },
    });
  });

  it("takes an image that came along, and points of one's own", async () => {
    const answer = await app.a.post(url, {
      image: { base64: Buffer.from(bytes).toString("base64") },
      point_grids: [[[0.5, 0.5]]],
      version: ["base"],
      format: "polygon",
    });
    expect(errorOf(answer)).toBe("200");
    const [result] = (answer.body as unknown as Segmentation).results;
    expect(result?.masks.length).toBeLessThanOrEqual(3);
    for (const mask of result?.masks ?? []) {
      expect(mask).toMatchObject({ format: "polygon", polygons: expect.any(Array), point: [60, 45] });
    }
  });

  it.each<[string, object, string]>([
    ["more points than allowed", {}, "422 too_many_prompts points_per_side"],
    [
      "that many for several crops",
      { points_per_side: 8, crop_n_layers: 1 },
      "422 too_many_prompts points_per_side",
    ],
    [
      "a layer of no points",
      { points_per_side: 2, crop_n_layers: 2, crop_n_points_downscale_factor: 2 },
      "400 invalid_request crop_n_points_downscale_factor",
    ],
    [
      "crops of few pixels",
      {
        points_per_side: 1,
        crop_n_layers: 3,
        crop_overlap_ratio: 0,
        point_grids: [[[0, 0]], [[0, 0]], [[0, 0]], [[0, 0]]],
        image: { base64: "TINY" },
      },
      "422 image_too_small crop_n_layers",
    ],
    ["more masks than can be drawn, where all are kept", drawn, "422 answer_too_large points_per_side"],
    ["a threshold out of range", { pred_iou_thresh: 1.5 }, "400 invalid_request pred_iou_thresh"],
    ["a setting that there isn't", { points: 3 }, "400 invalid_request points"],
    ["logits", { format: "logits" }, "400 invalid_request format"],
    [
      "an image that there isn't",
      { points_per_side: 2, image: { id: "img_none" } },
      "404 image_not_found image.id",
    ],
    ["a version that there isn't", { points_per_side: 2, version: 7 }, "404 version_not_found version"],
  ])("refuses %s, before any work", async (_what, asked, error) => {
    const tiny = Buffer.from(await asPng(discImage(30, 30, { x: 15, y: 15, radius: 6 }).image)).toString(
      "base64",
    );
    const plain = sharp({ create: { width: 5000, height: 5000, channels: 3, background: "#57a" } });
    const text = JSON.stringify({ image: { id: image }, ...asked })
      .replace("TINY", tiny)
      .replace("LARGE", asked === drawn ? (await plain.png().toBuffer()).toString("base64") : "");
    const before = await app.traces();
    const answer = await app.a.post(url, JSON.parse(text));
    expect(errorOf(answer)).toBe(error);
    expect(await app.traces()).toEqual(before);
  });

  it("knows no project of another workspace", async () => {
    expect(errorOf(await app.b.post(url, { image: { id: image }, points_per_side: 2 }))).toBe(
      "404 project_not_found project_id",
    );
  });
});
