import { fromHalves, halvesOf } from "../../checkpoint/halves.ts";
import { openedSafetensors, safetensorsHeader } from "../../checkpoint/safetensors.ts";
import {
  embeddingLength,
  type EmbeddingPart,
  embeddingParts,
  type ModelFamily,
} from "../../domain/model-family.ts";
import type { ImageEmbedding } from "../types.ts";

/** SAM 2's are four times as large, and were rounded to float16 when they were made. */
const dtypes = { sam: "F32", sam2: "F16" } as const satisfies Record<ModelFamily, string>;
const bytesOf = { F32: 4, F16: 2 } as const;

/** Shape in the decoder's order: 64 x 64 tokens, the cells of each where it has several, channels. */
const shapeOf = ({ shape: [channels, rows] }: EmbeddingPart): number[] => {
  const cells = (rows / 64) ** 2;
  return cells === 1 ? [64, 64, channels] : [64, 64, cells, channels];
};

/** An embedding as it is stored: safetensors, so that it says of itself what it is and any tool reads it. */
export function encodeEmbedding({ family, data, width, height }: ImageEmbedding): Uint8Array {
  const dtype = dtypes[family];
  const tensors = embeddingParts[family].map((part) => {
    const { name, length } = part;
    return { name, shape: shapeOf(part), bytes: length * bytesOf[dtype], dtype };
  });
  const header = safetensorsHeader(tensors, { width: String(width), height: String(height) });
  const file = new Uint8Array(header.length + data.length * bytesOf[dtype]);
  file.set(header);
  const values = dtype === "F16" ? halvesOf(data) : data;
  file.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), header.length);
  return file;
}

/** The inverse, its values on shared memory. Throws an Error when the file is not an embedding of that family. */
export function decodeEmbedding(file: Uint8Array, family: ModelFamily): ImageEmbedding {
  const dtype = dtypes[family];
  const { entries, metadata, values } = openedSafetensors(file, { [dtype]: bytesOf[dtype] });
  for (const [i, part] of embeddingParts[family].entries()) {
    const [entry, shape] = [entries[i], shapeOf(part)];
    if (entry?.name !== part.name || entry.shape.join() !== shape.join())
      throw new Error(`it holds no [${shape.join()}] ${part.name}`);
  }
  const [width, height] = [Number(metadata["width"]), Number(metadata["height"])];
  if (!(Number.isInteger(width) && Number.isInteger(height) && width > 0 && height > 0)) {
    throw new Error(`its image is ${metadata["width"]} x ${metadata["height"]} pixels`);
  }
  const length = embeddingLength(family);
  if (values.length !== length * bytesOf[dtype]) throw new Error(`it holds ${values.length} bytes of values`);
  const data = new Float32Array(new SharedArrayBuffer(length * Float32Array.BYTES_PER_ELEMENT));
  // A copy: values may begin anywhere in a larger buffer
  const { buffer } = new Uint8Array(values);
  if (dtype === "F16") fromHalves(new Uint16Array(buffer), data);
  else data.set(new Float32Array(buffer));
  return { family, data, width, height };
}
