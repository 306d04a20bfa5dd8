import { afterAll, beforeAll, expect, it } from "vitest";
import { prepareData } from "../../../src/training/data/prepare.ts";
import { judgedWithin } from "../../../src/training/search/choose.ts";
import { localTestStore } from "../../helpers/objects.ts";
import { row } from "../fixtures.ts";

type Opened = Awaited<ReturnType<typeof localTestStore>>;
let opened: Opened;
beforeAll(async () => {
  opened = await localTestStore();
});
afterAll(() => opened.close());

/** Twelve images with 60 objects each. */
const crowded = Array.from({ length: 720 }, (_, i) => row(`${i % 12}`, { annotation: `ann_${i}` }));
const prepared = (budget: number, rows = crowded) =>
  prepareData(
    opened.store,
    { id: "prj_a", baseModel: "mobile_sam" },
    {
      hyperparameters: { budget_seconds: budget, grouping: "none" },
      seed: 3,
      annotated: async () => rows,
    },
  );
const ids = (some: readonly { annotation: { id: string } }[]) => some.map(({ annotation }) => annotation.id);

it("scores as many held-out objects as the budget lets, of every image as many, and the same for each seed", async () => {
  const data = await prepared(30);
  expect(data.counts.heldOut).toBeGreaterThan(1);
  expect(data.heldOut).toHaveLength(60 * data.counts.heldOut);
  const { heldOut } = judgedWithin(data);
  expect(heldOut).toHaveLength(60);
  const onImage = Map.groupBy(heldOut, ({ image }) => image.id);
  expect(Array.from(onImage.values(), (some) => some.length)).toEqual(
    Array.from({ length: data.counts.heldOut }, () => 60 / data.counts.heldOut),
  );
  // A larger budget adds to them.
  const more = new Set(ids(judgedWithin(await prepared(35)).heldOut));
  expect(more.size).toBe(70);
  expect(ids(heldOut).every((id) => more.has(id))).toBe(true);
  const ample = await prepared(300);
  expect(judgedWithin(ample)).toBe(ample);
});

it("keeps whole images for whatever looks at images: an object that is left out would teach that it is nothing", async () => {
  const { selection, counts, whole } = await prepared(300);
  expect(counts.selection).toBe(2);
  expect(selection).toHaveLength(100);
  expect(whole.selection).toHaveLength(60 * counts.selection);
  expect(judgedWithin(await prepared(30)).whole.heldOut).toHaveLength(60 * counts.heldOut);
});

it("chooses by what trains where the images are too few for more, and by the same objects: nobody takes them for unseen", async () => {
  const { train, selection, counts } = await prepared(
    300,
    [1, 2, 3, 4].map((name) => row(`${name}`)),
  );
  expect(counts.selection).toBe(0);
  expect(selection).toEqual(train);
  expect(selection.every((sample) => train.includes(sample))).toBe(true);
});
