import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { run } from "../../bench/quality.ts";
import { readOptions } from "../../bench/quality/options.ts";
import { maskToPng } from "../../src/imaging/mask-png.ts";
import { asPng } from "../helpers/images.ts";
import { ringImage } from "../scenario/harness.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-bench-"));
  for (const name of ["images", "masks"]) await mkdir(join(folder, "data", name), { recursive: true });
  for (let seed = 1; seed <= 6; seed++) {
    const { image, mask } = ringImage(seed);
    await writeFile(join(folder, `data/images/${seed}.png`), await asPng(image));
    await writeFile(join(folder, `data/masks/${seed}.png`), await maskToPng(mask));
  }
});
afterAll(() => rm(folder, { recursive: true }));

const bench = (...args: string[]) =>
  run(
    readOptions([
      "--data",
      join(folder, "data"),
      "--cache",
      join(folder, "cache"),
      "--only",
      "base",
      ...args,
    ]),
    new AbortController().signal,
  );

it(
  "measures a fine-tune on a folder of images and masks, and keeps the embeddings",
  { timeout: 300_000 },
  async () => {
    const given = { epochs: 2, learning_rate: 3e-4, batch_size: 2 };
    const python = join(folder, "no-python");
    const first = await bench("--given", JSON.stringify(given), "--grid", "--python", python);
    expect(first.split.images).toEqual({ train: 4, selection: 0, test: 2 });
    expect(first.embedding).toMatchObject({ made: 6, cached: 0 });
    expect(first.rows.map(({ what }) => what)).toEqual(["base", "given"]);
    const [base, tuned] = first.rows;
    expect(tuned?.run?.recipe).toMatchObject(given);
    const { mean, low, high } = tuned?.gain ?? { mean: Number.NaN, low: 0, high: 0 };
    expect(mean).toBeCloseTo((tuned?.mean_iou ?? 0) - (base?.mean_iou ?? 0), 10);
    expect(low).toBeLessThanOrEqual(mean);
    expect(high).toBeGreaterThanOrEqual(mean);
    expect(first.grid).toBeNull();
    expect(first.notes.join()).toContain(python);

    const again = await bench("--given", JSON.stringify(given));
    expect(again.embedding).toMatchObject({ made: 0, cached: 6 });
    expect(again.rows.map(({ mean_iou }) => mean_iou)).toEqual(first.rows.map(({ mean_iou }) => mean_iou));
  },
);
