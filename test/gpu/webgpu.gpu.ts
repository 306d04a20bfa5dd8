import { describe, expect, it } from "vitest";
import { decodeStages } from "../../tools/gpu/decode-stages.ts";
import { cpuEmbedding, encoderPartStages } from "../../tools/gpu/encode-stages.ts";
import { compared } from "../../tools/gpu/measure.ts";
import { trainStage } from "../../tools/gpu/train-stage.ts";

const stages = [
  ...(await encoderPartStages()),
  ...decodeStages(cpuEmbedding),
  trainStage(cpuEmbedding, { batchSize: 1, steps: 2 }),
];

describe("onnxruntime's WebGPU provider", () => {
  it.each(stages)("gives what the CPU gives: $name", async (stage) => {
    const row = await compared(stage, "webgpu", 0);
    expect(row, `error ${row.error} ${row.note}`).toMatchObject({ passes: true });
    console.log(
      `${row.stage}: ${(row.startMs / 1000).toFixed(1)} s, error ${row.error.toExponential(1)} ${row.note}`,
    );
  });
});
