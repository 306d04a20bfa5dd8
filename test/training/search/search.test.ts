import { describe, expect, it } from "vitest";
import type { Box } from "../../../src/imaging/types.ts";
import type { Zoom } from "../../../src/domain/focus.ts";
import { encodeRle } from "../../../src/imaging/rle.ts";
import { candidatesFor, nameOfCandidate } from "../../../src/training/search/candidates.ts";
import type { Hyperparameters } from "../../../src/domain/hyperparameters.ts";
import { rungs } from "../../../src/training/search/rungs.ts";
import type { Tried } from "../../../src/training/search/trials.ts";
import { foldsFor } from "../../../src/training/data/folds.ts";
import { countedCosts, isInteractive } from "../../../src/training/search/serving.ts";
import { clickSide, optionOf, zoomOptions } from "../../../src/training/search/zoom-options.ts";
import type { Sample } from "../../../src/training/data/samples.ts";

/** A ring of so many pixels' stroke, in the middle of an image of `side` squared or round another point of it. */
function ring(
  name: string,
  side: number,
  radius: number,
  stroke: number,
  [x, y]: readonly [number, number] = [side / 2, side / 2],
): Sample {
  const data = Uint8Array.from({ length: side * side }, (_, i) => {
    const distance = Math.hypot((i % side) + 0.5 - x, Math.floor(i / side) + 0.5 - y);
    return distance <= radius && distance > radius - stroke ? 1 : 0;
  });
  const extent = [x - radius, y - radius, x + radius, y + radius];
  const box = extent.map((edge, i) => (i < 2 ? Math.floor(edge) : Math.ceil(edge)));
  return {
    image: { id: name, sha256: name, bytes: 1, width: side, height: side, object_key: name, group: null },
    annotation: {
      id: name,
      image: name,
      counts: encodeRle({ width: side, height: side, data }).counts,
      box: box as unknown as Box,
      label: null,
    },
  };
}
const rings = (side: number, radius: number, stroke: number): Sample[] =>
  Array.from({ length: 4 }, (_, i) => ring(`ring${i}`, side, radius - i, stroke));

describe("the zooms that data gives reason to try", () => {
  it("are plain SAM alone where thick objects fill their images", () => {
    expect(zoomOptions(rings(200, 90, 40)).taken.map(({ zoom }) => zoom)).toEqual([null]);
  });

  it("are a window, too, where objects are small", () => {
    const zooms = zoomOptions(rings(900, 90, 40)).taken.map(({ zoom }) => zoom);
    expect(zooms[0]).toBeNull();
    expect(zooms.slice(1).map((zoom) => [zoom?.context, zoom?.tiles])).toEqual([[2.5, 1]]);
  });

  it("are a window that neighbours share where small objects stand close together", () => {
    const crowd = [0, 1, 2, 3].flatMap((row) =>
      [0, 1, 2, 3].map((column): Sample => {
        const one = ring(`ring${row}${column}`, 600, 20, 10, [100 + 60 * column, 100 + 60 * row]);
        return { ...one, image: { ...one.image, id: "crowded" } };
      }),
    );
    const [whole, window] = zoomOptions(crowd).taken;
    expect(whole?.zoom).toBeNull();
    expect(window?.zoom).toMatchObject({ context: 5, tiles: 1, raster: 0.5 });
    expect(window?.regions).toBeLessThan(0.7);
  });

  it("are tiles where strokes are thinner than the low-res cells of the whole object, and nothing coarser", () => {
    const { taken: options, left } = zoomOptions(rings(1000, 480, 2));
    expect(left).toEqual([]);
    expect(options.map(({ zoom }) => zoom?.tiles)).toEqual([2]);
    const [tiles] = options;
    expect(tiles?.ceiling).toBeGreaterThan(optionOf(rings(1000, 480, 2), null).ceiling + 0.05);
    expect(tiles?.regions).toBe(4);
  });

  it("are only those that the budget can encode; plain SAM always is", () => {
    const affordable = ({ tiles: count }: Zoom): boolean => count === 1;
    expect(zoomOptions(rings(1000, 480, 2), { affordable })).toMatchObject({
      taken: [{ zoom: null }],
      left: [],
    });
    expect(zoomOptions(rings(900, 90, 40), { affordable: () => false })).toMatchObject({
      taken: [{ zoom: null }],
      left: [],
    });
  });

  it("are plain SAM where tiles are too slow, and these are known to be left out", () => {
    const samples = rings(1000, 480, 2);
    const quick = (zoom: Zoom): boolean => isInteractive(countedCosts(samples, zoom, null));
    expect(zoomOptions(samples, { quick })).toMatchObject({
      taken: [{ zoom: null }],
      left: [{ zoom: { tiles: 2 } }],
    });
    expect(zoomOptions(rings(900, 90, 40), { quick }).taken).toHaveLength(2);
  });

  it("know no ceiling above one, and lose nothing where a cell is a pixel", () => {
    expect(optionOf(rings(256, 60, 9), null).ceiling).toBeGreaterThan(0.98);
    expect(optionOf(rings(256, 60, 9), null).ceiling).toBeLessThanOrEqual(1);
  });

  it("give clicks the window that three quarters of the objects fit in", () => {
    expect(clickSide(rings(900, 90, 40), 2)).toBe(2 * 178);
  });
});

describe("the recipes that are tried", () => {
  it("keep what was asked for, and differ", () => {
    const ratesFrom = (startIou: number): number[] =>
      candidatesFor({ loss: "mse" }, { startIou }).map(({ learningRate }) => learningRate);
    expect(candidatesFor({})).toHaveLength(5);
    expect(ratesFrom(0.6)).toEqual([3e-4, 1e-4, 2e-4, 6e-4]);
    expect(ratesFrom(0.2)).toEqual([3e-4, 6e-4, 1e-4, 2e-4]);
    expect(candidatesFor({ learning_rate: 5e-5 }).map(({ loss }) => loss)).toEqual([
      "dice_bce",
      "dice",
      "focal_dice",
    ]);
    expect(candidatesFor({ loss: "mse", learning_rate: 5e-5 })).toEqual([
      { loss: "mse", learningRate: 5e-5 },
    ]);
  });
});

describe("a search", () => {
  const samples = Array.from({ length: 10 }, (_, i) => ring(`i${i}`, 32, 10, 3));
  const folds = foldsFor(samples, ({ image }) => image.id, 0)!;
  const options = [{ zoom: null, ceiling: 1, regions: 1, closer: 0 }];

  /** Steps of a search whose trials are answered by what is said of them. */
  function searched(answer: (trial: Tried) => number, asked: Hyperparameters = {}, zoom: Zoom | null = null) {
    const tried = options.map((option) => ({ ...option, zoom }));
    const steps = rungs({ asked, options: tried, folds, seconds: 145 }, null, () => false);
    const trials: string[] = [];
    for (let next = steps.next(); ;) {
      if (next.done) return { trials, choice: next.value };
      const { value } = next;
      if (!value.embed) trials.push(`${value.trial.rung} ${nameOfCandidate(value.trial.candidate)}`);
      next = steps.next(value.embed ? 0 : answer(value.trial));
    }
  }

  it("leaves recipes out where the budget would not last for the final, and for the best with its samples turned", () => {
    const { trials, choice } = searched(({ candidate: { loss, turns } }) =>
      turns ? 0.5 : loss === "dice" ? 0.4 : 0.3,
    );
    expect(trials).toEqual([
      "zoom dice_bce, rate 0.0003",
      "recipe dice, rate 0.0003",
      "recipe dice_bce, rate 0.0006",
      "final dice, rate 0.0003",
      "final dice_bce, rate 0.0003",
      "final dice, rate 0.0003, turned",
    ]);
    expect(choice.candidate).toEqual({ loss: "dice", learningRate: 3e-4, turns: true });
  });

  it("lets the last training see a sample no more often than a trial of twice the length, where that was no better", () => {
    const longer = (iou: number) => searched(({ rung }) => (rung === "final" ? iou : 0.3)).choice.passes;
    // 240 samples of each half of five.
    expect(longer(0.309)).toBe(48);
    expect(longer(0.311)).toBeNull();
  });

  it("turns nothing where that brings too little, or nobody wants it", () => {
    expect(searched(({ candidate }) => (candidate.turns ? 0.304 : 0.3)).choice.candidate).toEqual({
      loss: "dice_bce",
      learningRate: 3e-4,
    });
    const { trials } = searched(() => 0.3, { turns: "none" });
    expect(trials.some((trial) => trial.includes("turned"))).toBe(false);
  });

  it("tries neither Dice alone nor turns for versions that look closer, and trains them as long as it can", () => {
    const zoom = { context: 2.5, tiles: 1, click_side: 64 };
    const { trials, choice } = searched(() => 0.3, {}, zoom);
    expect(trials.slice(0, 4)).toEqual([
      "zoom dice_bce, rate 0.0003",
      "recipe dice_bce, rate 0.0001",
      "recipe focal_dice, rate 0.0002",
      "recipe dice_bce, rate 0.0006",
    ]);
    expect(trials.filter((trial) => /dice, |turned/.test(trial.replace("focal_dice", "")))).toEqual([]);
    expect(choice.passes).toBeNull();
  });
});

describe("the halves that trials are judged by", () => {
  const samples = Array.from({ length: 40 }, (_, i) => ring(`i${i}`, 32, 10, 3));
  const groupOf = ({ image }: Sample): string => `g${Number(image.id.slice(1)) % 13}`;

  it("share no group, are about equal, and are the same for the same seed", () => {
    const folds = foldsFor(samples, groupOf, 1);
    if (!folds) throw new Error("there are groups enough");
    const [a, b] = folds.parts;
    expect(a.map(groupOf).filter((group) => b.map(groupOf).includes(group))).toEqual([]);
    expect(Math.abs(a.length - b.length)).toBeLessThanOrEqual(4);
    expect(a.length + b.length).toBe(40);
    expect(foldsFor(samples, groupOf, 1)).toEqual(folds);
    expect(foldsFor(samples, groupOf, 2)).not.toEqual(folds);
  });

  it("are not to be had from one group, and bounded from many samples", () => {
    expect(foldsFor(samples, () => "one", 0)).toBeNull();
    const many = Array.from({ length: 200 }, (_, i) => ring(`i${i}`, 16, 5, 2));
    const parts = foldsFor(many, ({ image }) => image.id, 0)?.parts;
    expect(parts?.map((part) => part.length)).toEqual([24, 24]);
  });
});
