import { describe, expect, it } from "vitest";
import { engineFor } from "../../../src/training/engine/create.ts";
import { proveDevice } from "../../../src/training/engine/device.ts";

describe("the trainer's device", () => {
  it.each(["compiled", "eager"] as const)(
    "is proved by a product that is right, and timed: %s",
    async (engine) => {
      const proof = await proveDevice({ engine, device: "cpu" });
      expect(proof).toMatchObject({
        engine,
        device: expect.stringMatching(
          engine === "compiled" ? /^onnxruntime [\d.]+ cpu$/ : /^(tfjs wasm|@tensorflow)/,
        ),
      });
      // Two floating-point operations a step of the product, in the time that was told.
      expect(proof.gflops).toBeCloseTo((2 * 1024 ** 3) / 1e6 / proof.productMs, -1);
    },
    60_000,
  );

  it("is never another one than the one asked for: a missing GPU is an error in words", async () => {
    const words = /TRAINER_DEVICE is gpu and there is none to train on: @tensorflow\/tfjs-node-gpu.+/;
    await expect(proveDevice({ engine: "auto", device: "gpu" })).rejects.toThrow(words);
  }, 60_000);

  it("leaves the engine that runs on it", () => {
    expect(engineFor("gpu", "auto")).toBe("eager");
    expect(engineFor("cpu", "auto")).toBe("auto");
    expect(engineFor("auto", "compiled")).toBe("compiled");
    expect(() => engineFor("gpu", "compiled")).toThrow("the compiled engine runs on no GPU");
  });
});
