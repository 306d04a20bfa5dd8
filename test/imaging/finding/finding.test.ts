import { describe, expect, it } from "vitest";
import { pooledCells } from "../../../src/imaging/finding/cells.ts";
import { mostCentres, outputsOf, partsOfCell } from "../../../src/domain/finder-layout.ts";
import { peaksOf } from "../../../src/imaging/finding/peaks.ts";
import { boxIou } from "../../../src/imaging/geometry.ts";
import { finderTargets } from "../../../src/imaging/finding/targets.ts";
import { type CellShares, maskShare, touchedShare } from "../../../src/imaging/mask-share.ts";
import { encodeRle } from "../../../src/imaging/rle.ts";
import { seededRandom } from "../../../src/lib/random.ts";
import type { Box, Size } from "../../../src/imaging/types.ts";

/** Shares of all low-res cells. */
const sharesOf = (values: Float32Array): CellShares => ({ cells: [0, 0, 256, 256], values });

/** Maps that say exactly what targets are, as a finder that is never wrong would. */
function mapsOf(
  objects: readonly { label: number; box: Box }[],
  { size, labels, pool }: { size: Size; labels: number; pool: number },
) {
  const share = sharesOf(new Float32Array(256 * 256));
  const targets = finderTargets(
    objects.map((object) => ({ ...object, share })),
    { size, labels, pool, whole: true },
  );
  const outputs = outputsOf(labels);
  const side = 64 / pool;
  const values = new Float32Array(side * side * partsOfCell * outputs);
  for (let y = 0; y < targets.grid; y++) {
    for (let x = 0; x < targets.grid; x++) {
      const from = y * targets.grid + x;
      const to = (((y >> 1) * side + (x >> 1)) * partsOfCell + (y & 1) * 2 + (x & 1)) * outputs;
      for (let l = 0; l < labels; l++)
        values[to + labels + l] = 10 * ((targets.centres[from * labels + l] as number) - 0.5);
      for (let k = 0; k < 4; k++) values[to + 2 * labels + k] = targets.sides[from * 4 + k] as number;
    }
  }
  return { maps: { values, labels, pool, size }, targets };
}

describe("peaks", () => {
  const size: Size = [300, 400];
  const objects: { label: number; box: Box }[] = [
    { label: 0, box: [10, 20, 60, 90] },
    { label: 1, box: [200, 100, 390, 280] },
    { label: 0, box: [300, 5, 330, 40] },
  ];

  it.each([1, 2, 4])("are the objects that targets were made of, pooling %i cells", (pool) => {
    const { maps, targets } = mapsOf(objects, { size, labels: 2, pool });
    const found = peaksOf(maps, { floor: 0, overlap: 0.5 });
    expect(found).toHaveLength(objects.length);
    expect(targets.peaks).toHaveLength(objects.length);
    for (const object of objects) {
      const best = found.reduce((a, b) => (boxIou(a.box, object.box) > boxIou(b.box, object.box) ? a : b));
      expect(boxIou(best.box, object.box)).toBeGreaterThan(0.85);
      expect(best.label).toBe(object.label);
      const [x0, y0, x1, y1] = object.box;
      const [x, y] = best.at;
      expect(x > x0 && x < x1 && y > y0 && y < y1).toBe(true);
    }
  });

  it("stay on the image, off its padding, and are one to an object", () => {
    const edge: { label: number; box: Box }[] = [{ label: 0, box: [350, 250, 400, 300] }];
    const { maps } = mapsOf(edge, { size, labels: 1, pool: 1 });
    // A finder that believes in centres everywhere sees them on the image alone.
    const everywhere = { ...maps, values: maps.values.map((value, i) => (i % 6 === 1 ? 5 : value)) };
    for (const { box, at } of peaksOf(everywhere, { floor: 0, overlap: 1 })) {
      expect(box[2]).toBeLessThanOrEqual(400);
      expect(box[3]).toBeLessThanOrEqual(300);
      expect(at[1]).toBeLessThan(300);
    }
    expect(peaksOf(maps, { floor: 0, overlap: 0.5 })).toHaveLength(1);
  });

  it("leave out those below the floor and twins with lower logits", () => {
    const { maps } = mapsOf(objects, { size, labels: 2, pool: 1 });
    expect(peaksOf(maps, { floor: 5.1, overlap: 0.5 })).toHaveLength(0);
    const near: { label: number; box: Box }[] = [
      { label: 0, box: [100, 100, 200, 200] },
      { label: 1, box: [108, 100, 208, 200] },
    ];
    const twins = mapsOf(near, { size, labels: 2, pool: 1 });
    expect(peaksOf(twins.maps, { floor: 0, overlap: 0.5 })).toHaveLength(1);
    expect(peaksOf(twins.maps, { floor: 0, overlap: 0.99 })).toHaveLength(2);
  });
});

describe("a finder that believes in everything", () => {
  it("has no more than its highest centres looked at", () => {
    const labels = 8;
    const outputs = outputsOf(labels);
    const random = seededRandom(2);
    const values = Float32Array.from({ length: 64 * 64 * partsOfCell * outputs }, (_, i) =>
      // Boxes so small that none is another's twin.
      i % outputs >= 2 * labels ? -5 : random.normal(),
    );
    const maps = { values, labels, pool: 1, size: [1024, 1024] as const };
    const all = peaksOf(maps, { floor: -9, overlap: 1 });
    expect(all).toHaveLength(mostCentres);
    const faintest = Math.min(...all.map(({ logit }) => logit));
    expect(peaksOf(maps, { floor: faintest, overlap: 1 }).length).toBe(mostCentres - 1);
  });
});

describe("targets", () => {
  it("tell of foreground by area, and of the image's own part of the grid", () => {
    const share = new Float32Array(256 * 256);
    for (let y = 0; y < 8; y++) share.fill(1, y * 256, y * 256 + 6);
    const { foreground, valid, grid } = finderTargets(
      [{ label: 0, box: [0, 0, 12, 16], share: sharesOf(share) }],
      {
        size: [512, 256],
        labels: 1,
        pool: 2,
        whole: true,
      },
    );
    expect(grid).toBe(64);
    // Cells of four low-res ones: two rows of them, the second column half covered.
    expect([foreground[0], foreground[1], foreground[2], foreground[64]]).toEqual([1, 0.5, 0, 1]);
    expect([valid[0], valid[31], valid[32], valid[63 * 64]]).toEqual([1, 1, 0, 1]);
  });
});

describe("the shares of the cells that a mask touches", () => {
  it("make the same targets as those of all cells, one mask after the other", () => {
    const random = seededRandom(4);
    for (const [height, width] of [
      [90, 130],
      [1300, 700],
      [256, 1024],
    ] as const) {
      for (let round = 0; round < 5; round++) {
        const [x0, y0] = [random.below(width - 30), random.below(height - 30)];
        const box: Box = [x0, y0, x0 + 1 + random.below(30), y0 + 1 + random.below(30)];
        const data = new Uint8Array(width * height);
        for (let y = box[1]; y < box[3]; y++)
          for (let x = box[0]; x < box[2]; x++) data[y * width + x] = random.below(3) > 0 ? 1 : 0;
        const rle = encodeRle({ width, height, data });
        const touched = touchedShare(rle);
        expect(touched.values.length).toBeLessThan(256 * 256);
        const how = { size: [height, width] as const, labels: 1, pool: 1 as const, whole: true };
        const [few, many] = [touched, sharesOf(maskShare(rle).mean)].map((share) =>
          finderTargets([{ label: 0, box, share }], how),
        );
        expect(few).toEqual(many);
      }
    }
    const none = touchedShare(encodeRle({ width: 8, height: 8, data: new Uint8Array(64) }));
    expect(none.values).toHaveLength(0);
  });
});

describe("targets of an image that is annotated in part", () => {
  it("tell of nothing but the objects' boxes, and of the same objects", () => {
    const share = sharesOf(new Float32Array(256 * 256).fill(1));
    const objects = [{ label: 0, box: [64, 128, 96, 192] as const, share }];
    const how = { size: [512, 512] as const, labels: 1, pool: 2 as const };
    const whole = finderTargets(objects, { ...how, whole: true });
    const part = finderTargets(objects, { ...how, whole: false });
    expect({ ...part, valid: whole.valid }).toEqual(whole);
    // Parts of 8 pixels of the image: 4 x 8 of the box, and one round it.
    expect(part.valid.reduce((sum, one) => sum + one, 0)).toBe(6 * 10);
    expect([part.valid[15 * 64 + 7], part.valid[24 * 64 + 12], part.valid[25 * 64 + 12]]).toEqual([1, 1, 0]);
  });
});

describe("pooled cells", () => {
  it("are means, and the embedding itself where nothing is pooled", () => {
    const embedding = Float32Array.from({ length: 64 * 64 * 256 }, (_, i) => i % 7);
    expect(pooledCells(embedding, 1)).toBe(embedding);
    const pooled = pooledCells(embedding, 4);
    expect(pooled).toHaveLength(16 * 16 * 256);
    let sum = 0;
    for (let y = 4; y < 8; y++)
      for (let x = 8; x < 12; x++) sum += embedding[(y * 64 + x) * 256 + 3] as number;
    expect(pooled[(16 + 2) * 256 + 3]).toBeCloseTo(sum / 16, 5);
  });
});
