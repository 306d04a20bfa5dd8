import { describe, expect, it } from "vitest";
import { baseModel } from "../../../src/checkpoint/base-models.ts";
import { trainableNames } from "../../../src/checkpoint/layout.ts";
import { createEngineOn } from "../../../src/training/engine/create.ts";
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
    const words =
      /TRAINER_DEVICE is gpu and there is none to train on: the compiled engine: .+adapter.+; the eager engine: .+tfjs-node-gpu/s;
    await expect(proveDevice({ engine: "auto", device: "gpu" })).rejects.toThrow(words);
    const one = await proveDevice({ engine: "compiled", device: "gpu" }).catch(String);
    expect(one).toContain("the compiled engine:");
    expect(one).not.toContain("the eager engine:");
  }, 60_000);

  it("stays the one asked for in each job: no engine starts on the processor in a GPU's place", async () => {
    const sizes = { batchSize: 1, points: 2, weightDecay: 0, clipNorm: 1 };
    const weights = await baseModel("mobile_sam").decoderWeights();
    const spec = { weights, trainable: trainableNames, loss: "dice_bce" as const, ...sizes };
    const failure: unknown = await createEngineOn("gpu")(spec).catch((error: unknown) => error);
    expect((failure as AggregateError).errors.map(({ cause }: Error) => String(cause))).toEqual([
      expect.stringContaining("WebGPU adapter"),
      expect.stringContaining("tfjs-node-gpu"),
    ]);
  }, 60_000);
});
