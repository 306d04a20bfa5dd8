import { decodeSafetensors, encodeSafetensors } from "../../checkpoint/safetensors.ts";
import type { ImageEmbedding } from "../types.ts";

const name = "image_embedding";
const shape = [64, 64, 256];

/** An embedding as it is stored: safetensors, so that it says of itself what it is and any tool reads it. */
export function encodeEmbedding({ data, width, height }: ImageEmbedding): Uint8Array {
  return encodeSafetensors({ [name]: { shape, data } }, { width: String(width), height: String(height) });
}

/** The inverse, its values on shared memory. Throws an Error when the file is not such an embedding. */
export function decodeEmbedding(file: Uint8Array): ImageEmbedding {
  const { tensors, metadata } = decodeSafetensors(file);
  const tensor = tensors[name];
  const [width, height] = [Number(metadata["width"]), Number(metadata["height"])];
  if (!tensor || tensor.shape.join() !== shape.join())
    throw new Error(`it holds no [${shape.join()}] ${name}`);
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0)) {
    throw new Error(`its image is ${metadata["width"]} x ${metadata["height"]} pixels`);
  }
  const data = new Float32Array(new SharedArrayBuffer(tensor.data.byteLength));
  data.set(tensor.data);
  return { data, width, height };
}
