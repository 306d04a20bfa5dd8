import type { Tensor } from "@tensorflow/tfjs-core";
import { type EncoderArchitecture, encoderLayout } from "../../checkpoint/encoder-layout.ts";
import { type StoredTensor, toOnnx } from "../../graph/to-onnx.ts";
import { recordGraph } from "../../graph/record.ts";
import { encodeImage } from "../../model/image-encoder.ts";

/**
 * The image encoder as an ONNX file: input `pixels` [1, 3, S, S], output `image_embedding` [1, 256, S / 16, S / 16], both
 * float32. Its weights lie in another file, in the places that `stored` tells by Meta's names.
 */
export function encoderOnnx(
  architecture: EncoderArchitecture,
  stored: ReadonlyMap<string, StoredTensor>,
): Uint8Array {
  const side = 16 * architecture.grid;
  const weights = Object.entries(encoderLayout(architecture)).map(([name, shape]) => ({ name, shape }));
  const missing = weights.filter(({ name }) => !stored.has(name)).map(({ name }) => name);
  if (missing.length > 0) throw new Error(`no place is told for ${missing.join(", ")}`);
  const graph = recordGraph(
    (tensors) => ({ image_embedding: encodeImage(tensors["pixels"] as Tensor, tensors, architecture) }),
    [...weights, { name: "pixels", shape: [1, 3, side, side] }],
  );
  return toOnnx(graph, { stored });
}
