import { open } from "node:fs/promises";
import { join } from "node:path";
import { decoderLayouts } from "../../checkpoint/decoder-layouts.ts";
import { type ImageEncoder, imageEncoderLayout } from "../../checkpoint/image-encoders.ts";
import type { NamedTensor, NamedTensors } from "../../checkpoint/named-tensors.ts";
import { RefusedFile } from "../../checkpoint/refused.ts";
import type { TensorFile } from "../../checkpoint/tensor-file.ts";
import type { StoredTensor } from "../../graph/to-onnx.ts";
import type { Identified } from "../identify.ts";
import type { TensorPlace } from "../vocabularies.ts";

/** A tensor begins at a multiple of this, so that onnxruntime can map it where it lies. */
export const alignment = 4096;

/**
 * Writes an image encoder's weights into one file, tensor by tensor, each checked on its way; where each lies.
 * Throws RefusedFile `not_finite`.
 */
export async function writeEncoderWeights(
  source: TensorFile,
  { placeOf }: Identified,
  encoder: ImageEncoder,
  place: { folder: string; file: string },
): Promise<Map<string, StoredTensor>> {
  const stored = new Map<string, StoredTensor>();
  const out = await open(join(place.folder, place.file), "wx");
  try {
    let offset = 0;
    for (const name of Object.keys(imageEncoderLayout(encoder))) {
      const values = await finite(source, placeOf(name));
      await out.write(
        new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
        0,
        values.byteLength,
        offset,
      );
      stored.set(name, { location: place.file, offset, length: values.byteLength });
      offset = Math.ceil((offset + values.byteLength) / alignment) * alignment;
    }
  } finally {
    await out.close();
  }
  return stored;
}

/**
 * Prompt encoder and mask decoder by the names of SAM's; `prompt` is the prompt encoder for a file without one.
 * Throws RefusedFile `not_finite`, or `names_missing` where there is no prompt encoder.
 */
export async function readDecoderWeights(
  source: TensorFile,
  { family, placeOf, holdsPrompt }: Identified,
  prompt: NamedTensors = {},
): Promise<NamedTensors> {
  const tensors: Record<string, NamedTensor> = {};
  for (const [name, shape] of Object.entries(decoderLayouts[family])) {
    const inFile = holdsPrompt || !name.startsWith("prompt_encoder.");
    const tensor = inFile ? { shape, data: await finite(source, placeOf(name)) } : prompt[name];
    if (!tensor)
      throw new RefusedFile(
        "names_missing",
        "the file holds a mask decoder without a prompt encoder: import it as a version of a project, which takes the prompt encoder of its base model",
      );
    tensors[name] = tensor;
  }
  return tensors;
}

async function finite(source: TensorFile, { name, row }: TensorPlace): Promise<Float32Array> {
  const values = await source.read(name);
  if (!allFinite(values)) throw new RefusedFile("not_finite", `${name} holds values that are not finite`);
  if (row === null) return values;
  const length = values.length / (source.shapes.get(name)?.[0] ?? 1);
  return values.slice(row * length, (row + 1) * length);
}

/** A plain loop: ViT-H has 640 million values. */
export function allFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}
