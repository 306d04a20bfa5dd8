import { afterAll, beforeAll, expect, it } from "vitest";
import type { Found } from "../../../src/training/search/search.ts";
import { candidatesFor } from "../../../src/training/search/candidates.ts";
import { costs } from "../../../src/training/search/costs.ts";
import { finalRecipe } from "../../../src/training/search/last-training.ts";
import { prepareData } from "../../../src/training/data/prepare.ts";
import { judging } from "../../../src/training/finder/judge-finder.ts";
import { lessonsOf } from "../../../src/training/finder/lessons.ts";
import { plainFocus } from "../../../src/domain/focus.ts";
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
const prepared = () =>
  prepareData(
    opened.store,
    { id: "prj_a", baseModel: "mobile_sam" },
    { hyperparameters: { grouping: "none" }, seed: 3, annotated: async () => crowded },
  );

it("shows fewer samples in each of three epochs where the budget is too small for more, and keeps within it", async () => {
  const data = await prepared();
  const [candidate] = candidatesFor(data.asked, { startIou: 0.5 });
  const found = { candidate, zoom: null, flips: [], passes: null } as unknown as Found;
  const recipe = (seconds: number) => finalRecipe(data, found, { startIou: 0.5, seconds });
  const costOf = ({ epochs, samplesPerEpoch }: ReturnType<typeof recipe>): number =>
    epochs * (samplesPerEpoch * costs.trainMixed + data.selection.length * costs.score);
  const full = recipe(300);
  expect(full.samplesPerEpoch).toBe(Math.min(data.train.length, 400));
  expect(full.epochs).toBeGreaterThan(3);
  const small = recipe(30);
  expect(small.epochs).toBe(3);
  expect(small.samplesPerEpoch).toBeGreaterThan(40);
  expect(small.samplesPerEpoch).toBeLessThan(full.samplesPerEpoch);
  expect(costOf(small)).toBeLessThanOrEqual(30);
  expect(costOf(small)).toBeGreaterThan(29);
  // No budget is so small that nothing is learnt.
  expect(recipe(1)).toMatchObject({ epochs: 3, samplesPerEpoch: 40 });
});

it("judges a finder on as many images as a tenth of the budget is enough for, and on four at least", async () => {
  const { whole } = await prepared();
  const [held] = lessonsOf(whole.heldOut);
  if (held?.samples.length !== 60) throw new Error("an image lost objects");
  const lessons = Array.from({ length: 12 }, (_, i) => ({
    ...held,
    image: { ...held.image, id: `img_${i}` },
  }));
  // An image takes two seconds: 100 boxes.
  const ids = (budget: number): string[] => judging(lessons, plainFocus, budget).map(({ image }) => image.id);
  expect(ids(10)).toHaveLength(4);
  expect(ids(130)).toHaveLength(6);
  expect(ids(130).slice(0, 4)).toEqual(ids(10));
  expect(ids(300)).toHaveLength(12);
});
