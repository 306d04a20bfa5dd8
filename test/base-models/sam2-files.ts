import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ImageEncoder } from "../../src/checkpoint/image-encoders.ts";
import { huggingFaceHieraName } from "../../src/checkpoint/hiera-names.ts";
import type { NamedTensor } from "../../src/checkpoint/named-tensors.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { huggingFaceSam2Name, metaSam2Name } from "../../src/checkpoint/sam2-decoder.ts";
import { madeUpEncoder, tinyHiera } from "../helpers/tiny-encoder.ts";
import { writeTorch } from "../helpers/torch-files.ts";
import { sam2Decoder } from "../worlds/sam2-decoder.ts";

type Tensors = Record<string, NamedTensor>;
const one = (...shape: number[]): NamedTensor => ({
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
});

/** Parts of a checkpoint that follow objects through videos, by Meta's names. */
const video: Tensors = {
  maskmem_tpos_enc: one(7, 1, 1, 64),
  no_mem_pos_enc: one(1, 1, 256),
  "memory_attention.layers.0.norm1.weight": one(256),
  "memory_encoder.out_proj.bias": one(64),
  "obj_ptr_proj.layers.0.bias": one(256),
  "mask_downsample.bias": one(1),
};

/** A whole SAM 2 in Meta's layout, `{"model": ...}`, with a tiny image encoder. Returns its path. */
export async function tinySam2Pt(
  folder: string,
  change: (tensors: Tensors) => void = () => {},
  encoder: ImageEncoder = tinyHiera,
): Promise<string> {
  const decoder = Object.entries(await sam2Decoder()).map(([name, tensor]) => [metaSam2Name(name), tensor]);
  const tensors: Tensors = { ...madeUpEncoder(encoder), ...Object.fromEntries(decoder), ...video };
  change(tensors);
  const path = join(folder, "sam2.1_hiera_tiny.pt");
  await writeTorch(
    path,
    Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`model.${name}`, tensor])),
  );
  return path;
}

/** The same weights as transformers saves its Sam2VideoModel: the four point embeddings are one tensor. */
export async function tinySam2HuggingFace(folder: string): Promise<string> {
  const tensors: Tensors = { "memory_encoder.projection.bias": one(64), no_object_pointer: one(1, 256) };
  for (const [name, tensor] of Object.entries(madeUpEncoder(tinyHiera)))
    tensors[huggingFaceHieraName(name)] = tensor;
  const points: number[] = [];
  for (const [ours, tensor] of Object.entries(await sam2Decoder())) {
    const { name, row } = huggingFaceSam2Name(ours);
    if (row === null) tensors[name] = tensor;
    else {
      points.push(...tensor.data);
      tensors[name] = { shape: [points.length / 256, 256], data: Float32Array.from(points) };
    }
  }
  const path = join(folder, "model.safetensors");
  await writeFile(path, encodeSafetensors(tensors));
  return path;
}
