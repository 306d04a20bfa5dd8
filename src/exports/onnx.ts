import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { decoderLayout } from "../checkpoint/layout.ts";
import type { NamedTensor, NamedTensors } from "../checkpoint/named-tensors.ts";
import { type ExportVariant, graphsFolder, readExportGraphs } from "../inference/graphs.ts";
import {
  decodeModel,
  encodeModel,
  float32Tensor,
  float32Values,
  type OnnxEntry,
  type OnnxTensor,
} from "../lib/onnx-proto.ts";

/**
 * Softmax does not see the key biases of the attention over image tokens, so the graph leaves them out, and onnxruntime
 * would warn of initialisers that nobody reads. They travel as properties, base64 of little-endian float32.
 */
const unusedPrefix = "maskwright.tensor.";
const toBase64 = ({ buffer, byteOffset, byteLength }: Float32Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");

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
  const used = new Set(model.graph.node.flatMap((node) => node.input));
  const initializer: OnnxTensor[] = [];
  const unused: OnnxEntry[] = [];
  for (const name of Object.keys(decoderLayout)) {
    const tensor = weights[name];
    if (!tensor) throw new Error(`the weight ${name} is missing`);
    if (used.has(name)) initializer.push(float32Tensor(name, tensor.shape, tensor.data));
    else unused.push({ key: `${unusedPrefix}${name}`, value: toBase64(tensor.data) });
  }
  return encodeModel({
    ...model,
    producerName: "maskwright",
    metadataProps: [...Object.entries(metadata).map(([key, value]) => ({ key, value })), ...unused],
    graph: {
      ...model.graph,
      input: model.graph.input.filter(({ name }) => !isWeight(name)),
      initializer: [...model.graph.initializer, ...initializer],
    },
  });
}

/**
 * The tensors of a file that `decoderOnnxFile` wrote, by Meta's names, and its properties; null for another's ONNX file.
 * Throws an Error when it can't be read; whether the tensors are a decoder's is for the caller to check.
 */
export function readDecoderOnnx(
  file: Uint8Array,
): { tensors: NamedTensors; metadata: Record<string, string> } | null {
  const { graph, metadataProps = [], producerName } = decodeModel(file);
  if (producerName !== "maskwright") return null;
  const tensors: Record<string, NamedTensor> = {};
  for (const initializer of graph.initializer) {
    const { name = "", dims } = initializer;
    if (Object.hasOwn(decoderLayout, name)) tensors[name] = { shape: dims, data: float32Values(initializer) };
  }
  const metadata: Record<string, string> = {};
  for (const { key, value } of metadataProps) {
    const name = key.slice(unusedPrefix.length);
    const shape = key.startsWith(unusedPrefix) && Object.hasOwn(decoderLayout, name) && decoderLayout[name];
    if (!shape) metadata[key] = value;
    else tensors[name] = { shape, data: fromBase64(value) };
  }
  return { tensors, metadata };
}

/** Copied, because a Buffer need not start where a float may. */
function fromBase64(text: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(text, "base64"));
  return new Float32Array(bytes.buffer, 0, bytes.length >> 2);
}
