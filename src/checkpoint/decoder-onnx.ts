import { decodeModel } from "../lib/onnx-proto.ts";
import type { NamedTensor, NamedTensors } from "./named-tensors.ts";
import { floatValues } from "./onnx-floats.ts";
import { sam2DecoderLayout } from "./sam2-decoder.ts";

/**
 * Exported ONNX decoders carry their weights by Meta's names, as initialisers. Those that their graph has no use for
 * (softmax does not see the key biases of the attention over image tokens) are properties: base64 of little-endian
 * float32.
 */
const unusedPrefix = "maskwright.tensor.";
export const unusedKey = (name: string): string => `${unusedPrefix}${name}`;
export const isUnusedKey = (key: string): boolean => key.startsWith(unusedPrefix);
export const toBase64 = ({ buffer, byteOffset, byteLength }: Float32Array): string =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");

/** SAM's decoder has no tensor that SAM 2's has not. */
const allNames = sam2DecoderLayout;

/** The program that an ONNX file names as its producer, where it is ours. */
export const producer = "maskwright";

/**
 * The tensors of a file that `decoderOnnxFile` wrote, by Meta's names, and its properties; null for another's ONNX file.
 * Throws an Error when it can't be read; whether the tensors are a decoder's is for the caller to check.
 */
export function readDecoderOnnx(
  file: Uint8Array,
): { tensors: NamedTensors; metadata: Record<string, string> } | null {
  const { graph, metadataProps = [], producerName } = decodeModel(file);
  if (producerName !== producer) return null;
  const tensors: Record<string, NamedTensor> = {};
  for (const initializer of graph.initializer) {
    const { name = "", dims } = initializer;
    if (Object.hasOwn(allNames, name)) tensors[name] = { shape: dims, data: floatValues(initializer) };
  }
  const metadata: Record<string, string> = {};
  for (const { key, value } of metadataProps) {
    const name = key.slice(unusedPrefix.length);
    const shape = isUnusedKey(key) && Object.hasOwn(allNames, name) && allNames[name];
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
