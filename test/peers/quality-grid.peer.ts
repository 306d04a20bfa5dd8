import { afterAll, beforeAll, expect, it } from "vitest";
import { readOptions } from "../../bench/quality/options.ts";
import { run } from "../../bench/quality/main.ts";
import { type RingFolder, ringFolder } from "../worlds/ring-folder.ts";
import { python } from "./python.ts";

let rings: RingFolder;
beforeAll(async () => {
  rings = await ringFolder(6);
});
afterAll(() => rings.remove());

it("scores the base as we do, from the embeddings that we stored, and trains every cell", async () => {
  const small = ["--grid-epochs", "2", "--grid-losses", "dice_bce,mse", "--grid-rates", "3e-4"];
  const options = readOptions([
    ...rings.options,
    "--given",
    '{"epochs":1}',
    "--grid",
    "--python",
    python,
    ...small,
  ]);
  const { rows, grid, notes } = await run(options, new AbortController().signal);
  expect(notes).toEqual([]);
  // Two decoders of one arithmetic: at most a few pixels on the edge differ.
  expect(Math.abs((grid?.base_mean_iou ?? 0) - (rows[0]?.mean_iou ?? 1))).toBeLessThan(2e-3);
  expect(grid?.cells.map(({ loss, rate }) => [loss, rate])).toEqual([
    ["dice_bce", 3e-4],
    ["mse", 3e-4],
  ]);
  expect(grid?.cells[0]?.best_epoch).toBeGreaterThan(0);
  expect(grid?.best.mean_iou).toBe(Math.max(...(grid?.cells ?? []).map((cell) => cell.mean_iou)));
  expect(grid?.auto_minus_best).toBeNull();
});
