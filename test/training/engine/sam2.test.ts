import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { trainableNames } from "../../../src/checkpoint/layout.ts";
import { decoderOrder } from "../../../src/inference/embedding/decoder-order.ts";
import { createEngine } from "../../../src/training/engine/create.ts";
import { sam2Decoder, sam2Embedding } from "../../worlds/sam2-decoder.ts";

/** The same box, disc and loss as in peers/reference/sam2_decoder.py, whose loss is PyTorch's. */
const { loss: wanted } = JSON.parse(
  readFileSync(new URL("../../parity/reference/sam2-decoder.json", import.meta.url), "utf8"),
) as { loss: number };

test("a step on SAM 2's decoder begins at PyTorch's loss, lowers it, and leaves the object score alone", async () => {
  const weights = await sam2Decoder();
  const engine = await createEngine(
    {
      weights,
      trainable: trainableNames,
      loss: "dice_bce",
      batchSize: 1,
      points: 3,
      weightDecay: 0,
      clipNorm: 1,
    },
    { engine: "compiled" },
  );
  try {
    const cells = Array.from({ length: 65_536 }, (_, i) => [i % 256, i >> 8] as const);
    const batch = {
      embeddings: [decoderOrder(sam2Embedding(1), "sam2")],
      coords: Float32Array.of(280, 210, 760, 690, 0, 0),
      labels: Float32Array.of(2, 3, -1),
      targets: Float32Array.from(cells, ([x, y]) => ((x - 128) ** 2 + (y - 112) ** 2 < 60 ** 2 ? 1 : 0)),
      valid: new Float32Array(65_536).fill(1),
    };
    const first = await engine.step(batch, 1e-4);
    expect(first.loss).toBeCloseTo(wanted, 4);
    const second = await engine.step(batch, 1e-4);
    expect(second.loss).toBeLessThan(first.loss);
    const trained = await engine.weights();
    const moved = Object.keys(weights).filter((name) =>
      weights[name]?.data.some((value, i) => value !== trained[name]?.data[i]),
    );
    expect(moved.length).toBeGreaterThan(80);
    expect(moved.filter((name) => !trainableNames.includes(name))).toEqual([]);
    expect((await engine.predict(batch)).logits).toHaveLength(65_536);
  } finally {
    await engine.dispose();
  }
});
