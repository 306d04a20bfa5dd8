import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { huggingFaceName, sharedEmbeddingName } from "../../src/checkpoint/hugging-face.ts";
import type { NamedTensors } from "../../src/checkpoint/named-tensors.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { madeUpEncoder, tinyArchitecture } from "../helpers/tiny-encoder.ts";
import { writeTorch } from "../helpers/torch-files.ts";

/** A whole SAM by Meta's names: a tiny image encoder and mobile_sam's decoder. */
export const tinySam = async (): Promise<NamedTensors> => ({
  ...madeUpEncoder(tinyArchitecture),
  ...(await baseModel("mobile_sam").decoderWeights()),
});

/** `change` may add, replace and remove tensors before the file is written. Returns its path. */
export async function tinyPth(
  folder: string,
  change: (tensors: Record<string, NamedTensors[string]>) => void = () => {},
): Promise<string> {
  const tensors = { ...(await tinySam()) };
  change(tensors);
  const path = join(folder, "sam_tiny.pth");
  await writeTorch(path, tensors);
  return path;
}

/** The same weights as transformers saves them. */
export async function tinyHuggingFace(folder: string): Promise<string> {
  const named = Object.entries(await tinySam()).map(
    ([name, tensor]) => [huggingFaceName(name), tensor] as const,
  );
  const tensors: NamedTensors = Object.fromEntries(named);
  const matrix = tensors["prompt_encoder.shared_embedding.positional_embedding"];
  if (!matrix) throw new Error("the positional matrix is not called as transformers calls it");
  await writeFile(
    join(folder, "model.safetensors"),
    encodeSafetensors({ ...tensors, [sharedEmbeddingName]: matrix }),
  );
  return folder;
}
