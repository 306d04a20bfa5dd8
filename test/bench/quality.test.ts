import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readOptions } from "../../bench/quality/options.ts";
import { run } from "../../bench/quality/main.ts";
import { type RingFolder, ringFolder } from "../worlds/ring-folder.ts";

let rings: RingFolder;
beforeAll(async () => {
  rings = await ringFolder(6);
});
afterAll(() => rings.remove());

const bench = (...args: string[]) =>
  run(readOptions([...rings.options, ...args]), new AbortController().signal);

it(
  "measures a fine-tune on a folder of images and masks, and keeps the embeddings",
  { timeout: 300_000 },
  async () => {
    const recipe = { epochs: 1, learning_rate: 3e-4, batch_size: 2 };
    const given = { ...recipe, refine: "none" };
    const python = join(rings.path, "no-python");
    const first = await bench("--given", JSON.stringify(given), "--grid", "--python", python);
    expect(first.split.images).toEqual({ train: 4, selection: 0, test: 2 });
    expect(first.embedding).toMatchObject({ made: 6, cached: 0 });
    expect(first.rows.map(({ what }) => what)).toEqual(["base", "given"]);
    const [base, tuned] = first.rows;
    expect(tuned?.run?.recipe).toMatchObject(recipe);
    expect(tuned?.gain?.mean).toBeCloseTo((tuned?.mean_iou ?? 0) - (base?.mean_iou ?? 0), 10);
    expect(tuned?.run?.judged_by).toBe(first.split.annotations.test);
    expect(tuned?.run?.prompts.map(({ kind }) => kind)).toContain("one_click");
    expect(first.grid).toBeNull();
    expect(first.notes.join()).toContain(python);

    const again = await bench("--given", JSON.stringify(given));
    expect(again.embedding).toMatchObject({ made: 0, cached: 6 });
    expect(again.rows.map(({ mean_iou }) => mean_iou)).toEqual(first.rows.map(({ mean_iou }) => mean_iou));
  },
);
