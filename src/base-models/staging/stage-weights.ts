import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { imageEncoders } from "../../checkpoint/image-encoders.ts";
import type { TensorFile } from "../../checkpoint/tensor-file.ts";
import { encoderOnnx } from "./encoder-graph.ts";
import { withoutCard } from "../decoder-file.ts";
import type { Architectures } from "../identify.ts";
import { identifyFile } from "../identify-file.ts";
import { readDecoderWeights, writeEncoderWeights } from "./stage.ts";
import type { Staged } from "./staged.ts";

const weightsFile = "encoder.bin";
const graphFile = "encoder.onnx";

const whose = { meta: "Meta's", hugging_face: "Hugging Face's", own: "our" } as const;

/**
 * A PyTorch or safetensors file, checked and laid out for onnxruntime in `folder`: the recorded image encoder, its weights
 * beside it, and the decoder's in memory (16 MB). One tensor is in memory at a time.
 * Throws RefusedFile for whatever is wrong with it.
 */
export async function stageWeights(
  source: TensorFile,
  folder: string,
  architectures: Architectures = imageEncoders,
): Promise<Staged> {
  const identified = identifyFile(source, architectures);
  const { family, type, naming } = identified;
  const known = type === null ? null : architectures[type];
  const decoder = await readDecoderWeights(source, identified);
  const counts = Object.values(decoder).map(({ data }) => data.length);
  let encoder: Staged["encoder"] = null;
  if (known) {
    const stored = await writeEncoderWeights(source, identified, known, { folder, file: weightsFile });
    counts.push(...Array.from(stored.values(), ({ length }) => length / 4));
    await writeFile(join(folder, graphFile), encoderOnnx(known, stored));
    const files = [graphFile, weightsFile].map((file) => ({ file, path: join(folder, file) }));
    encoder = { input: "normalised", graph: graphFile, files };
  }
  return {
    family,
    type,
    format: `${source.format}, ${whose[naming]} names`,
    encoder,
    decoder,
    parameters: counts.reduce((a, b) => a + b, 0),
    says: withoutCard(source.metadata ?? {}),
    notes: identified.notes,
  };
}
