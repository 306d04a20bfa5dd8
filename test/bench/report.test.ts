import { describe, expect, it } from "vitest";
import { chooseFiles } from "../../bench/lib/product/data-zip.ts";
import { rowRuns } from "../../bench/quality/grid.ts";
import { readOptions } from "../../bench/quality/options.ts";
import { type QualityReport, tableOf } from "../../bench/quality/report.ts";

const report: QualityReport = {
  bench: "quality",
  data: "stamps",
  cpu: "a CPU",
  cores: 2,
  load: [0.5, 2.25],
  engine: "compiled",
  seed: 0,
  budget_seconds: null,
  annotations: { in_folder: 12, used: 10 },
  split: {
    images: { train: 6, selection: 1, test: 2 },
    annotations: { train: 6, selection: 1, test: 3 },
    test_groups: 2,
  },
  embedding: { made: 4, cached: 5, seconds: 3.21 },
  rows: [
    { what: "base", mean_iou: 0.25, mean_dice: 0.4, gain: null, run: null },
    {
      what: "auto",
      mean_iou: 0.5,
      mean_dice: 0.6,
      gain: { mean: 0.25, low: -0.01, high: 0.4 },
      run: {
        judged_by: 2,
        seconds: 12.34,
        phases: { train: 10, evaluate: 2 },
        promoted: true,
        said: "it beats the base",
        best_epoch: 3,
        epochs_run: 8,
        recipe: { loss: "dice_bce", prompts: ["box"] },
        refit: null,
        kept_back: null,
        focus: "whole image, points",
        warm: { box: 1.25, click: 1.4 },
        prompts: [
          {
            kind: "one_click",
            annotations: 3,
            groups: 1,
            base_mean_iou: 0.2,
            mean_iou: 0.3,
            gain: { mean: 0.1, low: null, high: null },
            boundary_gain: { mean: -0.02, low: -0.04, high: 0 },
            base_calibration_error: 0.3,
            calibration_error: 0.05,
          },
        ],
      },
    },
  ],
  notes: ["tutorial is left out"],
  grid: {
    peer: "PyTorch",
    epochs: 6,
    base_mean_iou: 0.25,
    cells: [
      { loss: "mse", rate: 1e-4, best_epoch: 0, selection_iou: 0.3, mean_iou: 0.25, seconds: 5 },
      { loss: "dice_bce", rate: 3e-4, best_epoch: 6, selection_iou: 0.5, mean_iou: 0.45, seconds: 6 },
    ],
    seconds: 11,
    best: { loss: "dice_bce", rate: 3e-4, mean_iou: 0.45 },
    chosen: { loss: "dice_bce", rate: 3e-4, mean_iou: 0.45 },
    auto_minus_best: { mean: 0.05, low: 0.01, high: 0.09 },
    auto_minus_chosen: null,
  },
};

it("writes the report as a table", () => {
  const lines = tableOf(report).split("\n");
  expect(lines).toContain("| base | .250 |  | .400 |  |  |  |  |  |  |  |");
  expect(lines).toContain(
    '| auto | .500 | +.250 [-.010, +.400] | .600 | 12.3 | 10.0 | yes | 3 of 8 | loss dice_bce, prompts ["box"] | whole image, points | box 1.25, click 1.4 |',
  );
  expect(lines).toContain("| one_click | 3 | .200 | .300 | +.100 | -.020 [-.040, +.000] | .300 | .050 |");
  expect(lines).toContain("| mse | .250 (epoch 0) |  |");
  expect(lines).toContain("| dice_bce |  | .450 (epoch 6) |");
  expect(lines).toContain("auto minus the grid's best: +.050 [+.010, +.090]");
  expect(lines.join("\n")).not.toContain("the grid's chosen:");
  expect(lines).toContain("embedding: 4 made, 5 from the cache, 3.2 s");
  expect(lines.find((line) => line.startsWith("train 6 images"))).toContain("in 2 groups; 10 of 12 masks");
  expect(lines).toContain("tutorial is left out");
});

describe("the choice of files", () => {
  const names = [
    "groups.csv",
    ...["a.jpg", "b.png", "c.png", "d__1.png"].map((name) => `images/${name}`),
    ...["a.png", "a__1.png", "a__2.png", "a__3.png", "b.png", "d__1.png"].map((name) => `masks/${name}`),
  ];

  it("is every file without a cap, and counts no union beside its instances", () => {
    expect(chooseFiles(names, { most: undefined, seed: 0 })).toEqual({ files: names, masks: 5, chosen: 5 });
  });

  it("spreads a cap over the images first, the same for the same seed", () => {
    const { files, chosen, masks } = chooseFiles(names, { most: 3, seed: 0 });
    expect([chosen, masks]).toEqual([3, 5]);
    expect(files.filter((name) => name.startsWith("images/"))).toEqual([
      "images/a.jpg",
      "images/b.png",
      "images/d__1.png",
    ]);
    expect(files.filter((name) => /^masks\/a__\d\.png$/.test(name))).toHaveLength(1);
    expect(files).not.toContain("masks/a.png");
    expect(files).toContain("groups.csv");
    expect(chooseFiles(names, { most: 3, seed: 0 }).files).toEqual(files);
    const others = [1, 2, 3, 4, 5].map((seed) => chooseFiles(names, { most: 3, seed }).files.join());
    expect(new Set([files.join(), ...others]).size).toBeGreaterThan(1);
  });
});

it("tells a mask to the peer as runs, zeros first", () => {
  expect(rowRuns(Uint8Array.of(0, 0, 1, 1, 1, 0))).toEqual([2, 3, 1]);
  expect(rowRuns(Uint8Array.of(1, 0))).toEqual([0, 1, 1]);
});

describe("the options", () => {
  const data = ["--data", import.meta.dirname];

  it("take the defaults of the product and of the grid", () => {
    expect(readOptions(data)).toMatchObject({ engine: "auto", seed: 0, budget: undefined, grid: undefined });
    expect(readOptions(data).recipes).toEqual(["tutorial", "auto", "best"]);
    expect(readOptions([...data, "--grid"]).grid).toMatchObject({ epochs: 6, rates: [1e-4, 3e-4, 1e-3] });
    expect(readOptions([...data, "--only", "auto", "--given", '{"epochs":2}'])).toMatchObject({
      recipes: ["auto"],
      given: { epochs: 2 },
    });
  });

  it.each([
    [[], "--data"],
    [["--data", "/nowhere"], "not a folder"],
    [[...data, "--engine", "gpu"], "--engine"],
    [[...data, "--seed", "-1"], "--seed"],
    [[...data, "--grid", "--grid-rates", "0"], "--grid-rates"],
    [[...data, "--given", '{"epoch":2}'], "--given"],
  ])("say what is wrong with %j", (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });
});
