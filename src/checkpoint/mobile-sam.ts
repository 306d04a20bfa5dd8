import {
  dataType,
  decodeModel,
  float32Values,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
} from "../lib/onnx-proto.ts";
import { fromHuggingFace } from "./hugging-face.ts";
import { checkLayout, decoderLayout } from "./layout.ts";
import type { NamedTensor, NamedTensors } from "./named-tensors.ts";

/**
 * The prompt encoder's and mask decoder's 137 tensors under Meta's names, in Meta's shapes, from an ONNX file that
 * Meta's export script wrote (segment-anything: scripts/export_onnx_model.py). PyTorch's exporter keeps most names;
 * those that it folded into anonymous constants (`onnx::MatMul_1926`) are recognised by what the graph does with them.
 * Hugging Face's names are read too. Throws an Error that names what is missing when the file is another model.
 */
export function decoderFromOnnx(file: Uint8Array): NamedTensors {
  const { graph } = decodeModel(file);
  const naming = namingOf(graph);
  const tensors: Record<string, NamedTensor> = {};
  for (const initializer of graph.initializer) {
    for (const [name, tensor] of recover(graph, initializer, naming)) tensors[name] = tensor;
  }
  checkLayout(tensors);
  return tensors;
}

/** Meta's name of a weight by the file's own. */
type Naming = (name: string) => string;

/** The two namings give some names to different weights, so it is told for the whole file. */
function namingOf(graph: OnnxGraph): Naming {
  const bare: Naming = (name) => name.replace(/^model\./, "");
  if (!graph.initializer.some(({ name }) => name?.includes("mask_decoder.upscale_conv1"))) return bare;
  const metaNames = fromHuggingFace(Object.keys(decoderLayout));
  return (name) => metaNames.get(bare(name)) ?? bare(name);
}

/** What one initialiser is: one tensor, the two that `Expand` joins, or a constant of the graph's own. */
function recover(graph: OnnxGraph, initializer: OnnxTensor, naming: Naming): [string, NamedTensor][] {
  const name = initializer.name ?? "";
  if (!name.startsWith("onnx::")) {
    const meta = naming(name);
    if (!Object.hasOwn(decoderLayout, meta)) return [];
    return [[meta, { shape: initializer.dims, data: float32Values(initializer) }]];
  }
  if (initializer.dataType !== dataType.float) return [];
  const tensor = { shape: initializer.dims, data: float32Values(initializer) };
  // Another constant may stand in a place like a weight's, but not with as many values
  return anonymous(graph, name, tensor, naming).filter(
    ([meta, { data }]) => decoderLayout[meta]?.reduce((a, b) => a * b, 1) === data.length,
  );
}

/** What the graph does with a constant tells which weight it is. */
function anonymous(
  graph: OnnxGraph,
  name: string,
  tensor: NamedTensor,
  naming: Naming,
): [string, NamedTensor][] {
  const user = graph.node.find((node) => node.input.includes(name));
  switch (user?.opType) {
    case "MatMul":
      return [[naming(linearWeightName(graph, user)), transpose(tensor)]];
    case "Expand": // [1,5,256]: the IoU token, then the mask tokens
    case "Tile":
      return splitOutputTokens(tensor);
    case "Mul":
      if (tensor.shape.length === 4)
        return [["prompt_encoder.no_mask_embed.weight", flatten(tensor, [1, -1])]];
      return [[`${channelNormName(graph, user, naming)}.weight`, flatten(tensor, [-1])]];
    case "Add":
      return [[`${channelNormName(graph, user, naming)}.bias`, flatten(tensor, [-1])]];
    default:
      return [];
  }
}

/** A Linear without its name is a MatMul whose result is added to the bias, which kept its name; "" where there is none. */
function linearWeightName(graph: OnnxGraph, matMul: OnnxNode): string {
  const add = graph.node.find((node) => node.opType === "Add" && node.input.includes(matMul.output[0] ?? ""));
  const bias = add?.input.find((name) => name.endsWith(".bias"));
  return bias?.replace(/bias$/, "weight") ?? "";
}

/** A LayerNorm2d follows a convolution, which kept its name: the module after `mask_downscaling.0` is `.1`; or "". */
function channelNormName(graph: OnnxGraph, node: OnnxNode, naming: Naming): string {
  let at: OnnxNode | undefined = node;
  while (at && at.opType !== "Conv" && at.opType !== "ConvTranspose") {
    // The scale comes first in PyTorch's `weight * x`, so the computed operand is the one that some node makes.
    const made: OnnxNode[] = at.input.flatMap((name) =>
      graph.node.filter((other) => other.output.includes(name)),
    );
    at = made.find((other) => other.opType !== "Constant");
  }
  const match = /^(.+)\.(\d+)\.weight$/.exec(naming(at?.input[1] ?? ""));
  return match ? `${match[1]}.${Number(match[2]) + 1}` : "";
}

function splitOutputTokens({ shape, data }: NamedTensor): [string, NamedTensor][] {
  const [count = 0, width = 0] = shape.slice(-2);
  if (count * width !== data.length) return [];
  return [
    ["mask_decoder.iou_token.weight", { shape: [1, width], data: data.slice(0, width) }],
    ["mask_decoder.mask_tokens.weight", { shape: [count - 1, width], data: data.slice(width) }],
  ];
}

/** [a, b] to [b, a]: ONNX multiplies by [in, out], PyTorch stores [out, in]. */
function transpose({ shape, data }: NamedTensor): NamedTensor {
  const [rows = 0, columns = 0] = shape;
  const out = new Float32Array(data.length);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) out[c * rows + r] = data[r * columns + c] ?? 0;
  return { shape: [columns, rows], data: out };
}

/** The same values without the axes of length one that broadcasting needed. */
const flatten = ({ data }: NamedTensor, shape: readonly number[]): NamedTensor => ({
  shape: shape.map((d) => (d === -1 ? data.length : d)),
  data,
});
