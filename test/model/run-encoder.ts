import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encoderOnnx } from "../../src/base-models/staging/encoder-graph.ts";
import { type ImageEncoder, imageEncoderLayout } from "../../src/checkpoint/image-encoders.ts";
import type { StoredTensor } from "../../src/graph/to-onnx.ts";
import ort from "../../src/lib/onnxruntime.ts";
import { madeUp, madeUpEncoder } from "../helpers/tiny-encoder.ts";

/** Places one after the other in `weights.bin`. */
export function places(encoder: ImageEncoder): Map<string, StoredTensor> {
  let offset = 0;
  return new Map(
    Object.entries(imageEncoderLayout(encoder)).map(([name, shape]) => {
      const length = shape.reduce((a, b) => a * b, 4);
      const place = { location: "weights.bin", offset, length };
      offset += length;
      return [name, place];
    }),
  );
}

/** What the recorded encoder gives of made-up weights, in a file of their own, and a made-up image. */
export async function runEncoder(
  encoder: ImageEncoder,
): Promise<{ dims: readonly number[]; data: Float32Array }> {
  const folder = await mkdtemp(join(tmpdir(), "maskwright-encoder-"));
  try {
    const bytes = Object.values(madeUpEncoder(encoder)).map(({ data }) => new Uint8Array(data.buffer));
    await writeFile(join(folder, "weights.bin"), bytes);
    await writeFile(join(folder, "encoder.onnx"), encoderOnnx(encoder, places(encoder)));
    const session = await ort.InferenceSession.create(join(folder, "encoder.onnx"), { intraOpNumThreads: 1 });
    const shape = [1, 3, 16 * encoder.grid, 16 * encoder.grid];
    const pixels = new ort.Tensor("float32", madeUp(shape, 1000, 2).data, shape);
    const { image_embedding: embedding } = await session.run({ pixels });
    await session.release();
    return { dims: embedding?.dims ?? [], data: embedding?.data as Float32Array };
  } finally {
    await rm(folder, { recursive: true });
  }
}
