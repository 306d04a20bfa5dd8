import { open } from "node:fs/promises";
import { join } from "node:path";
import { type EncoderArchitecture, encoderLayout } from "../../checkpoint/encoder-layout.ts";
import { decoderLayout } from "../../checkpoint/layout.ts";
import type { NamedTensor, NamedTensors } from "../../checkpoint/named-tensors.ts";
import { RefusedFile } from "../../checkpoint/refused.ts";
import type { TensorFile } from "../../checkpoint/tensor-file.ts";
import type { StoredTensor } from "../../graph/to-onnx.ts";
import type { Identified } from "../identify.ts";

/** A tensor begins at a multiple of this, so that onnxruntime can map it where it lies. */
const alignment = 4096;

/**
 * Writes an image encoder's weights into one file, tensor by tensor, each checked on its way; where each lies.
 * Throws RefusedFile `not_finite`.
 */
export async function writeEncoderWeights(
  source: TensorFile,
  { nameOf }: Identified,
  architecture: EncoderArchitecture,
  place: { folder: string; file: string },
): Promise<Map<string, StoredTensor>> {
  const stored = new Map<string, StoredTensor>();
  const out = await open(join(place.folder, place.file), "wx");
  try {
    let offset = 0;
    for (const name of Object.keys(encoderLayout(architecture))) {
      const values = await finite(source, nameOf(name));
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
 * Prompt encoder and mask decoder by Meta's names; `prompt` is the prompt encoder for a file without one.
 * Throws RefusedFile `not_finite`, or `names_missing` where there is no prompt encoder.
 */
export async function readDecoderWeights(
  source: TensorFile,
  { nameOf, holdsPrompt }: Identified,
  prompt: NamedTensors = {},
): Promise<NamedTensors> {
  const tensors: Record<string, NamedTensor> = {};
  for (const [name, shape] of Object.entries(decoderLayout)) {
    const inFile = holdsPrompt || !name.startsWith("prompt_encoder.");
    const tensor = inFile ? { shape, data: await finite(source, nameOf(name)) } : prompt[name];
    if (!tensor)
      throw new RefusedFile(
        "names_missing",
        "the file holds a mask decoder without a prompt encoder: import it as a version of a project, which takes the prompt encoder of its base model",
      );
    tensors[name] = tensor;
  }
  return tensors;
}

async function finite(source: TensorFile, name: string): Promise<Float32Array> {
  const values = await source.read(name);
  if (!allFinite(values)) throw new RefusedFile("not_finite", `${name} holds values that are not finite`);
  return values;
}

/** A plain loop: ViT-H has 640 million values. */
export function allFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}
