import { expect, it } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { trainableNames } from "../../src/checkpoint/layout.ts";
import { createEngineOn } from "../../src/training/engine/create.ts";
import { proveDevice } from "../../src/training/engine/device.ts";

it("proves tfjs-node on libtensorflow, on the processor", async () => {
  const proof = await proveDevice({ engine: "eager", device: "cpu" });
  expect(proof.device).toBe("@tensorflow/tfjs-node 4.22.0, tensorflow");
  expect(proof.gflops).toBeGreaterThan(1);
  process.stdout.write(`${JSON.stringify(proof)}\n`);
});

it("is what the eager engine trains on, here too (engines.test.ts compares it with the compiled one)", async () => {
  const engine = await createEngineOn("cpu")(
    {
      weights: await baseModel("mobile_sam").decoderWeights(),
      trainable: trainableNames,
      loss: "dice_bce",
      batchSize: 1,
      points: 2,
      weightDecay: 0.01,
      clipNorm: 1,
    },
    { engine: "eager" },
  );
  expect(engine.device).toContain("@tensorflow/tfjs-node 4.22.0");
  await engine.dispose();
});
