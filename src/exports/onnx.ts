import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { producer, toBase64, unusedKey } from "../checkpoint/decoder-onnx.ts";
import { decoderLayout } from "../checkpoint/layout.ts";
import type { NamedTensors } from "../checkpoint/named-tensors.ts";
import { type ExportVariant, graphsFolder, readExportGraphs } from "../inference/graphs.ts";
import {
  decodeModel,
  encodeModel,
  float32Tensor,
  type OnnxEntry,
  type OnnxTensor,
} from "../lib/onnx-proto.ts";

/**
 * The decoder as one ONNX file: the prebuilt graph of a variant with these weights inside, each by Meta's name, so that
 * the file can be imported again. `metadata` becomes the file's own properties.
 * Throws an Error when the graphs have not been built.
 */
export async function decoderOnnxFile(
  weights: NamedTensors,
  variant: ExportVariant,
  metadata: Readonly<Record<string, string>>,
  folder = graphsFolder,
): Promise<Uint8Array> {
  const entry = readExportGraphs(folder).find((graph) => graph.variant === variant);
  if (!entry) throw new Error(`no export graph ${variant} in ${folder}; run: npm run build:graphs`);
  const model = decodeModel(await readFile(join(folder, entry.file)));
  const isWeight = (name: string): boolean => Object.hasOwn(decoderLayout, name);
  // onnxruntime would warn of initialisers that nobody reads.
  const used = new Set(model.graph.node.flatMap((node) => node.input));
  const initializer: OnnxTensor[] = [];
  const unused: OnnxEntry[] = [];
  for (const name of Object.keys(decoderLayout)) {
    const tensor = weights[name];
    if (!tensor) throw new Error(`the weight ${name} is missing`);
    if (used.has(name)) initializer.push(float32Tensor(name, tensor.shape, tensor.data));
    else unused.push({ key: unusedKey(name), value: toBase64(tensor.data) });
  }
  return encodeModel({
    ...model,
    producerName: producer,
    metadataProps: [...Object.entries(metadata).map(([key, value]) => ({ key, value })), ...unused],
    graph: {
      ...model.graph,
      input: model.graph.input.filter(({ name }) => !isWeight(name)),
      initializer: [...model.graph.initializer, ...initializer],
    },
  });
}
