import { describe, expect, test } from "vitest";
import { lastPixels, nearCropEdge } from "../../../src/inference/everything/crop-edge.ts";
import { countPoints, cropBoxes, planEverything, pointGrid } from "../../../src/inference/everything/plan.ts";
import { everythingDefaults, type EverythingSettings } from "../../../src/domain/everything.ts";
import { codeOf, errorOf } from "../../helpers/codes.ts";

const settings = (changed: Partial<EverythingSettings> = {}): EverythingSettings => ({
  ...everythingDefaults,
  ...changed,
});

describe("the point grid", () => {
  test("lies in the middle of its cells, rows from the top", () => {
    expect(pointGrid(1)).toEqual([[0.5, 0.5]]);
    expect(pointGrid(2)).toEqual([
      [0.25, 0.25],
      [0.75, 0.25],
      [0.25, 0.75],
      [0.75, 0.75],
    ]);
    expect(pointGrid(32)).toHaveLength(1024);
    expect(pointGrid(32).at(-1)).toEqual([1 - 1 / 64, 1 - 1 / 64]);
  });

  test("thins out in deeper layers, and is counted before it is made", () => {
    const asked = settings({ pointsPerSide: 9, cropNLayers: 2, cropNPointsDownscaleFactor: 2 });
    const plan = planEverything([400, 600], asked);
    expect(plan.map(({ points }) => points.length)).toEqual([
      81,
      ...Array<number>(4).fill(16),
      ...Array<number>(16).fill(4),
    ]);
    expect(countPoints(asked)).toBe(81 + 4 * 16 + 16 * 4);
    expect(countPoints(settings())).toBe(1024);
  });

  test("may be given, one for each layer", () => {
    const pointGrids: EverythingSettings["pointGrids"] = [
      [[0.5, 0.25]],
      [
        [0, 0],
        [1, 1],
      ],
    ];
    const asked = settings({ cropNLayers: 1, pointGrids });
    const plan = planEverything([100, 200], asked);
    expect(plan[0]?.points).toEqual([[100, 25]]);
    expect(plan[1]?.points).toHaveLength(2);
    expect(countPoints(asked)).toBe(1 + 4 * 2);
  });
});

describe("crops", () => {
  test("overlap as utils/amg.py's generate_crop_boxes has them", () => {
    // Printed by Meta's function for (375, 500), 2 layers, 512 / 1500.
    const boxes = cropBoxes([375, 500], { cropNLayers: 2, cropOverlapRatio: 512 / 1500 });
    expect(boxes.map(({ layer }) => layer)).toEqual([
      0,
      ...Array<number>(4).fill(1),
      ...Array<number>(16).fill(2),
    ]);
    expect(boxes.slice(0, 7).map(({ crop }) => crop)).toEqual([
      [0, 0, 500, 375],
      [0, 0, 314, 252],
      [0, 124, 314, 375],
      [186, 0, 500, 252],
      [186, 124, 500, 375],
      [0, 0, 173, 142],
      [0, 78, 173, 220],
    ]);
    expect(boxes.at(-1)?.crop).toEqual([327, 234, 500, 375]);
  });

  test("cover the image", () => {
    for (const [height, width] of [
      [101, 333],
      [640, 97],
    ] as const) {
      const seen = new Uint8Array(height * width);
      for (const { crop, layer } of cropBoxes([height, width], { cropNLayers: 2, cropOverlapRatio: 0.2 })) {
        if (layer !== 2) continue;
        for (let y = crop[1]; y < crop[3]; y++) seen.fill(1, y * width + crop[0], y * width + crop[2]);
      }
      expect(seen.includes(0)).toBe(false);
    }
  });
});

describe("is refused by name", () => {
  test("a layer without points, crops of a few pixels, a grid too few", async () => {
    const none = settings({ pointsPerSide: 3, cropNLayers: 2, cropNPointsDownscaleFactor: 2 });
    expect(await errorOf(() => planEverything([400, 400], none))).toMatchObject({
      code: "invalid_request",
      param: "crop_n_points_downscale_factor",
    });
    const small = settings({ cropNLayers: 3 });
    expect(await codeOf(() => planEverything([40, 40], small))).toBe("image_too_small");
    const grids = settings({ cropNLayers: 1, pointGrids: [[[0.5, 0.5]]] });
    expect(await errorOf(() => planEverything([400, 400], grids))).toMatchObject({ param: "point_grids" });
  });
});

describe("a mask near an edge", () => {
  const crop = [100, 0, 300, 200] as const;
  const image = [200, 400] as const;

  test("is cut off at its crop's, unless that is the image's edge too", () => {
    expect(lastPixels([100, 50, 140, 90])).toEqual([100, 50, 139, 89]);
    expect(nearCropEdge([115, 50, 200, 100], crop, image)).toBe(true);
    expect(nearCropEdge([121, 50, 200, 100], crop, image)).toBe(false);
    expect(nearCropEdge([150, 0, 200, 200], crop, image)).toBe(false);
    expect(nearCropEdge([150, 50, 281, 100], crop, image)).toBe(true);
    expect(nearCropEdge([150, 50, 280, 100], crop, image)).toBe(false);
    expect(nearCropEdge([0, 0, 400, 200], [0, 0, 400, 200], image)).toBe(false);
  });
});
