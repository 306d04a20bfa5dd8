import type { Tensor } from "@tensorflow/tfjs-core";
import {
  type ImageEncoder,
  imageEncoderLayout,
  isHiera,
  isRepVit,
  isTinyVit,
} from "../../checkpoint/image-encoders.ts";
import { type StoredTensor, toOnnx } from "../../graph/to-onnx.ts";
import { recordGraph } from "../../graph/record.ts";
import { encodeImage } from "../../model/image-encoder.ts";
import { encodeImage as encodeSam2Image } from "../../model/sam2/image-encoder.ts";
import { encodeImage as encodeMobileImage } from "../../model/tiny-vit/image-encoder.ts";
import type { Weights } from "../../model/types.ts";

/**
 * The image encoder as an ONNX file: input `pixels` [1, 3, S, S], output `image_embedding`, [1, 256, S / 16, S / 16] of
 * SAM's and all that SAM 2's gives in one row (model/sam2/image-encoder.ts), both float32. Its weights lie in another
 * file, in the places that `stored` tells by Meta's names.
 */
export function encoderOnnx(encoder: ImageEncoder, stored: ReadonlyMap<string, StoredTensor>): Uint8Array {
  const side = 16 * encoder.grid;
  const weights = Object.entries(imageEncoderLayout(encoder)).map(([name, shape]) => ({ name, shape }));
  const missing = weights.filter(({ name }) => !stored.has(name)).map(({ name }) => name);
  if (missing.length > 0) throw new Error(`no place is told for ${missing.join(", ")}`);
  const encode = (pixels: Tensor, tensors: Weights): Tensor => {
    if (isHiera(encoder) || isRepVit(encoder)) return encodeSam2Image(pixels, tensors, encoder);
    return isTinyVit(encoder)
      ? encodeMobileImage(pixels, tensors, encoder)
      : encodeImage(pixels, tensors, encoder);
  };
  const graph = recordGraph(
    (tensors) => ({ image_embedding: encode(tensors["pixels"] as Tensor, tensors) }),
    [...weights, { name: "pixels", shape: [1, 3, side, side] }],
  );
  return toOnnx(graph, { stored });
}
