import { describe, expect, it } from "vitest";
import { otherServing } from "../../src/console/state/serving.ts";

describe("the same fine-tune with the other serving", () => {
  it("keeps all that was asked for but how quick answers are to be", () => {
    const made = { hyperparameters: { budget_seconds: 600, loss: "dice_bce" }, base_version: 3, seed: 7 };
    expect(otherServing(made, "interactive")).toEqual({
      hyperparameters: { budget_seconds: 600, loss: "dice_bce", serving: "best" },
      base_version: 3,
      seed: 7,
    });
  });

  it("asks for no tiles where answers are to be quick, but keeps a window", () => {
    const asked = (zoom: Record<string, number>) =>
      otherServing({ hyperparameters: { zoom }, base_version: null, seed: 0 }, "best")["hyperparameters"];
    expect(asked({ context: 2, tiles: 2 })).toEqual({ serving: "interactive" });
    expect(asked({ context: 2, tiles: 1 })).toEqual({
      serving: "interactive",
      zoom: { context: 2, tiles: 1 },
    });
  });
});
