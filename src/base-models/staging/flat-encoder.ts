import { open, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { OnnxOutline } from "../../checkpoint/onnx-file.ts";
import { readBytes } from "../../checkpoint/tensor-file.ts";
import { embeddingLength, embeddingParts } from "../../domain/model-family.ts";
import {
  attribute,
  dataType,
  encodeModel,
  type OnnxTensor,
  type OnnxValueInfo,
  valueInfo,
} from "../../lib/onnx-proto.ts";
import { externalPlace } from "./external-place.ts";
import { alignment } from "./stage.ts";
import type { StagedEncoder } from "./staged.ts";

/** What others call the parts of SAM 2's embedding: samexporter, then transformers.js. */
const partNames: Readonly<Record<string, readonly string[]>> = {
  image_embedding: ["image_embed", "image_embeddings.2"],
  high_res_features_0: ["high_res_feats_0", "image_embeddings.0"],
  high_res_features_1: ["high_res_feats_1", "image_embeddings.1"],
};

/** Outputs of a SAM 2's image encoder that gives the parts of its embedding by themselves, in our order; null for another. */
export function partOutputs(outputs: readonly OnnxValueInfo[]): string[] | null {
  const names = embeddingParts.sam2.map(
    ({ name }) => outputs.find((output) => partNames[name]?.includes(output.name))?.name,
  );
  return names.every((name) => name !== undefined) ? names : null;
}

/** Whether an output is one of those parts, by its name. */
export const isPart = ({ name }: OnnxValueInfo): boolean =>
  Object.values(partNames).some((names) => names.includes(name));

const [graphFile, weightsFile, flat] = ["encoder.onnx", "encoder-values.bin", "embedding"];
/** Bytes copied together. */
const chunkBytes = 16 * 1024 * 1024;

/**
 * The same encoder with one output, the `parts` one behind the other: a graph in `folder`, and beside it all large weights,
 * wherever they lay; none of them is ever in memory as a whole. Throws RefusedFile `truncated`.
 */
export async function flattenEncoder(
  { path, outline }: { path: string; outline: OnnxOutline },
  parts: readonly string[],
  folder: string,
): Promise<Pick<StagedEncoder, "graph" | "files">> {
  const { graph } = outline.model;
  const weights = join(folder, weightsFile);
  const initializer = await copyValues({ path, outline }, weights);
  const rows = parts.map((part, i) => ({
    opType: "Flatten",
    input: [part],
    output: [`${flat}.part_${i}`],
    attribute: [],
  }));
  const joined = {
    opType: "Concat",
    input: rows.flatMap(({ output }) => output),
    output: [flat],
    attribute: [attribute("axis", 1)],
  };
  const model = {
    ...outline.model,
    graph: {
      ...graph,
      initializer,
      node: [...graph.node, ...rows, joined],
      output: [valueInfo(flat, dataType.float, [1, embeddingLength("sam2")])],
    },
  };
  const graphPath = join(folder, graphFile);
  await writeFile(graphPath, encodeModel(model));
  const files = [
    { file: graphFile, path: graphPath },
    { file: weightsFile, path: weights },
  ];
  return { graph: graphFile, files };
}

/** The initialisers of an outline, those without their values in it copied into a file of their own. */
async function copyValues(
  { path, outline }: { path: string; outline: OnnxOutline },
  to: string,
): Promise<OnnxTensor[]> {
  const target = await open(to, "wx");
  try {
    let at = 0;
    const initializer: OnnxTensor[] = [];
    for (const [index, tensor] of outline.model.graph.initializer.entries()) {
      const outside = tensor.dataLocation === 1 ? externalPlace(tensor) : null;
      const place = outside ?? outline.values.get(index);
      if (!place) {
        initializer.push(tensor);
        continue;
      }
      const source = await open(outside ? join(dirname(path), outside.file) : path);
      try {
        for (let from = 0; from < place.length; from += chunkBytes) {
          const length = Math.min(chunkBytes, place.length - from);
          const bytes = await readBytes(source, place.offset + from, length);
          await target.write(bytes, 0, length, at + from);
        }
      } finally {
        await source.close();
      }
      const { rawData: _, floatData: __, ...rest } = tensor;
      const said = { location: weightsFile, offset: at, length: place.length };
      const externalData = Object.entries(said).map(([key, value]) => ({ key, value: String(value) }));
      initializer.push({ ...rest, externalData, dataLocation: 1 });
      at = Math.ceil((at + place.length) / alignment) * alignment;
    }
    return initializer;
  } finally {
    await target.close();
  }
}
