import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bestBase } from "../../../src/domain/base-choice.ts";
import { planBases } from "../../../src/training/bases/plan-bases.ts";
import { prepareData } from "../../../src/training/data/prepare.ts";
import { localTestStore } from "../../helpers/objects.ts";
import { keysBelow } from "../../helpers/objects.ts";
import { row } from "../fixtures.ts";

let opened: Awaited<ReturnType<typeof localTestStore>>;
beforeAll(async () => {
  opened = await localTestStore();
});
afterAll(() => opened.close());

const prepared = (budget: number, images = 40, group?: string) =>
  prepareData(
    opened.store,
    { id: "prj_a", baseModel: "mobile_sam" },
    {
      hyperparameters: { budget_seconds: budget, grouping: "none" },
      seed: 3,
      draft: true,
      annotated: async () =>
        Array.from({ length: images }, (_, i) => row(`${i}`, i > 0 && group ? { group } : {})),
    },
  );

describe("the plan to try bases", () => {
  it("trains on halves that judge each other within a quarter of the budget, the same for the same seed", async () => {
    const data = await prepared(300);
    const plan = planBases(data, 2, 3);
    expect(plan.bases).toBe(2);
    expect(plan.seconds).toBeLessThanOrEqual(75);
    expect(plan.seconds).toBeGreaterThan(60);
    expect(plan.folds?.parts.map(({ length }) => length)).toEqual([15, 15]);
    expect(planBases(await prepared(300), 2, 3)).toEqual(plan);
  });

  it("looks at nothing that is held out, and freezes nothing", async () => {
    const data = await prepared(3000);
    const heldOut = new Set(data.heldOut.map(({ annotation }) => annotation.id));
    expect(heldOut.size).toBeGreaterThan(0);
    const { judges } = planBases(data, 2, 3);
    expect(judges.filter(({ annotation }) => heldOut.has(annotation.id))).toEqual([]);
    expect(await keysBelow(opened.store, "")).toEqual([]);
  });

  it.each([
    [300, 6, 4],
    [1200, 6, 6],
  ])("leaves out what %d seconds have no room for: %d bases, %d tried", async (budget, count, bases) => {
    const plan = planBases(await prepared(budget), count, 3);
    expect(plan).toMatchObject({ bases, samples: 60 });
    expect(plan.seconds).toBeLessThanOrEqual(budget / 4);
  });

  it("scores bases as they are where there is no time to train, and two at any rate", async () => {
    const data = await prepared(60);
    expect(planBases(data, 4, 3)).toMatchObject({ bases: 2, folds: null, samples: 0 });
    expect(planBases(await prepared(10), 4, 3).judges).toHaveLength(5);
  });

  it("scores them as they are where all that trains is of one group", async () => {
    expect(planBases(await prepared(300, 12, "one"), 2, 3).folds).toBeNull();
  });
});

describe("the base to take", () => {
  const tried = (baseModel: string, meanIou: number, tunedMeanIou: number | null = null) => ({
    baseModel,
    meanIou,
    tunedMeanIou,
  });

  it.each([
    ["the better after training", [tried("small", 0.8, 0.84), tried("large", 0.7, 0.9)], "large"],
    [
      "the smaller where the larger brings less than .01",
      [tried("small", 0.8), tried("large", 0.809)],
      "small",
    ],
    ["one as it is, where training takes from it", [tried("small", 0.8, 0.5), tried("large", 0.7)], "small"],
  ])("is %s", (_, all, best) => {
    expect(bestBase(all).baseModel).toBe(best);
  });
});
