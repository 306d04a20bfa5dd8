import { describe, expect, it } from "vitest";
import { boxIn, pointsIn, tilesOf, windowOf } from "../../src/imaging/windows.ts";
import type { Box } from "../../src/imaging/types.ts";
import { seededRandom } from "../../src/lib/random.ts";

const zoom = { context: 1.5, click_side: 90 };
const inside = ([x0, y0, x1, y1]: Box, [a, b, c, d]: Box): boolean =>
  x0 >= a && y0 >= b && x1 <= c && y1 <= d;

describe("the window round a prompt", () => {
  it("holds the whole box, lies in the image, and is square where the image lets it", () => {
    const random = seededRandom(1);
    for (let i = 0; i < 500; i++) {
      const [width, height] = [200 + random.below(800), 200 + random.below(800)];
      const x0 = random.below(width - 20);
      const y0 = random.below(height - 20);
      const box: Box = [
        x0,
        y0,
        x0 + 2 + random.below(width - x0 - 2),
        y0 + 2 + random.below(height - y0 - 2),
      ];
      const window = windowOf({ box }, [height, width], zoom);
      expect(inside(box, window), `${box.join()} in ${window.join()} of ${width} x ${height}`).toBe(true);
      expect(inside(window, [0, 0, width, height])).toBe(true);
      expect(window.every(Number.isInteger)).toBe(true);
      const [w, h] = [window[2] - window[0], window[3] - window[1]];
      if (w < width && h < height) expect(w).toBe(h);
    }
  });

  it("is the image where the box fills it, or where there is nothing to look at", () => {
    expect(windowOf({ box: [10, 10, 390, 280] }, [300, 400], zoom)).toEqual([0, 0, 400, 300]);
    expect(windowOf({}, [300, 400], zoom)).toEqual([0, 0, 400, 300]);
  });

  it("is shared by boxes that differ by a hair", () => {
    const drawn = [-2, -1, 0, 1, 2].map((d) =>
      windowOf({ box: [402 + d, 300, 500, 401 + d] }, [900, 900], zoom).join(),
    );
    expect(new Set(drawn).size).toBeLessThanOrEqual(2);
  });

  it("is shared by more neighbours on a coarser raster, and holds their boxes even so", () => {
    const boxes = Array.from({ length: 400 }, (_, i): Box => {
      const [x, y] = [10 + 44 * (i % 20), 10 + 44 * Math.floor(i / 20)];
      return [x, y, x + 20, y + 14];
    });
    const windows = (raster?: number) =>
      boxes.map((box) => {
        const window = windowOf({ box }, [900, 900], {
          context: 5,
          click_side: 90,
          ...(raster && { raster }),
        });
        expect(inside(box, window)).toBe(true);
        return window.join();
      });
    const [fine, coarse] = [new Set(windows()).size, new Set(windows(0.5)).size];
    expect(new Set(windows(0.25)).size).toBe(fine);
    expect(coarse).toBeLessThan(fine / 2);
  });

  it("goes round clicks by the size that objects usually have, the background's not counted", () => {
    const [x0, y0, x1, y1] = windowOf(
      {
        points: [
          [400, 300, 1],
          [10, 10, 0],
        ],
      },
      [900, 900],
      zoom,
    );
    expect(x1 - x0).toBeGreaterThanOrEqual(90);
    expect(x1 - x0).toBeLessThan(120);
    expect(inside([400, 300, 400, 300], [x0, y0, x1, y1])).toBe(true);
  });
});

describe("tiles", () => {
  it("cover the window, overlap, and are equal", () => {
    const tiles = tilesOf([10, 20, 210, 170], 2);
    expect(tiles).toHaveLength(4);
    const covered = new Set<string>();
    for (const [x0, y0, x1, y1] of tiles) {
      expect([x1 - x0, y1 - y0]).toEqual([115, 86]);
      for (let y = y0; y < y1; y++) for (let x = x0; x < x1; x++) covered.add(`${x},${y}`);
    }
    expect(covered.size).toBe(200 * 150);
    expect(tiles.every((tile) => inside(tile, [10, 20, 210, 170]))).toBe(true);
  });

  it("are not cut smaller than 24 pixels", () => {
    expect(tilesOf([0, 0, 40, 120], 4)).toHaveLength(4);
    expect(tilesOf([0, 0, 20, 20], 3)).toEqual([[0, 0, 20, 20]]);
  });
});

describe("a prompt in a region", () => {
  it("counts from the region's corner and is cut to it", () => {
    expect(boxIn([50, 60, 120, 90], [100, 50, 200, 150])).toEqual([0, 10, 20, 40]);
    expect(boxIn([50, 60, 100.5, 90], [100, 50, 200, 150])).toBeNull();
    expect(
      pointsIn(
        [
          [150, 60, 1],
          [99, 60, 0],
        ],
        [100, 50, 200, 150],
      ),
    ).toEqual([[50, 10, 1]]);
  });
});
