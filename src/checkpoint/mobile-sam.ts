import {
  decodeModel,
  float32Values,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
} from "../lib/onnx-proto.ts";
import { checkLayout } from "./layout.ts";
import type { NamedTensor, NamedTensors } from "./named-tensors.ts";

/**
 * The prompt encoder's and mask decoder's 137 tensors under Meta's names, in Meta's shapes, from an ONNX file that
 * Meta's export script wrote (segment-anything: scripts/export_onnx_model.py). PyTorch's exporter keeps most names;
 * those that it folded into anonymous constants (`onnx::MatMul_1926`) are recognised by what the graph does with them.
 * Throws an Error that names what is missing when the file is another model.
 */
export function decoderFromOnnx(file: Uint8Array): NamedTensors {
  const { graph } = decodeModel(file);
  const tensors: Record<string, NamedTensor> = {};
  for (const initializer of graph.initializer) {
    for (const [name, tensor] of recover(graph, initializer)) tensors[name] = tensor;
  }
  checkLayout(tensors);
  return tensors;
}

/** What one initialiser is under Meta's names: one tensor, or the two that `Expand` joins. */
function recover(graph: OnnxGraph, initializer: OnnxTensor): [string, NamedTensor][] {
  const name = initializer.name ?? "";
  const tensor = { shape: initializer.dims, data: float32Values(initializer) };
  if (!name.startsWith("onnx::")) return [[name.replace(/^model\./, ""), tensor]];

  const user = graph.node.find((node) => node.input.includes(name));
  switch (user?.opType) {
    case "MatMul":
      return [[linearWeightName(graph, user), transpose(tensor)]];
    case "Expand": // [1,5,256]: the IoU token, then the mask tokens
      return splitOutputTokens(tensor);
    case "Mul":
      if (tensor.shape.length === 4)
        return [["prompt_encoder.no_mask_embed.weight", flatten(tensor, [1, -1])]];
      return [[`${channelNormName(graph, user)}.weight`, flatten(tensor, [-1])]];
    case "Add":
      return [[`${channelNormName(graph, user)}.bias`, flatten(tensor, [-1])]];
    default:
      throw new Error(
        `the ONNX constant ${name} is used by ${user?.opType ?? "nothing"}, which no SAM decoder does`,
      );
  }
}

/** A Linear without its name is a MatMul whose result is added to the bias, which kept its name. */
function linearWeightName(graph: OnnxGraph, matMul: OnnxNode): string {
  const add = graph.node.find((node) => node.opType === "Add" && node.input.includes(matMul.output[0] ?? ""));
  const bias = add?.input.find((name) => name.endsWith(".bias"));
  if (!bias)
    throw new Error(`the ONNX node ${matMul.name ?? ""} adds no named bias, so its weight has no name`);
  return bias.replace(/bias$/, "weight");
}

/** A LayerNorm2d follows a convolution, which kept its name: the module after `mask_downscaling.0` is `.1`. */
function channelNormName(graph: OnnxGraph, node: OnnxNode): string {
  let at: OnnxNode | undefined = node;
  while (at && at.opType !== "Conv" && at.opType !== "ConvTranspose") {
    // The scale comes first in PyTorch's `weight * x`, so the computed operand is the one that some node makes.
    const made: OnnxNode[] = at.input.flatMap((name) =>
      graph.node.filter((other) => other.output.includes(name)),
    );
    at = made.find((other) => other.opType !== "Constant");
  }
  const match = /^(?:model\.)?(.+)\.(\d+)\.weight$/.exec(at?.input[1] ?? "");
  if (!match) throw new Error(`the ONNX node ${node.name ?? ""} follows no named convolution`);
  return `${match[1]}.${Number(match[2]) + 1}`;
}

function splitOutputTokens({ shape, data }: NamedTensor): [string, NamedTensor][] {
  const [, count = 0, width = 0] = shape;
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
