import { decodeModel, type OnnxGraph, type OnnxNode, type OnnxTensor } from "../lib/onnx-proto.ts";
import { decoderLayouts } from "./decoder-layouts.ts";
import { fromHuggingFace } from "./hugging-face.ts";
import { floatValues, isFloat } from "./onnx-floats.ts";
import { checkLayout, decoderLayout } from "./layout.ts";
import type { NamedTensor, NamedTensors } from "./named-tensors.ts";
import { metaSam2Name, objectScoreHead, sam2DecoderLayout } from "./sam2-decoder.ts";

/**
 * The prompt encoder's and mask decoder's tensors under the names that are used in memory, in Meta's shapes, from an ONNX
 * file that Meta's export script wrote (segment-anything: scripts/export_onnx_model.py), or of SAM 2's that samexporter wrote
 * (its export_sam2.py). PyTorch's exporter keeps most names; those that it folded into anonymous constants
 * (`onnx::MatMul_1926`) are recognised by what the graph does with them. Hugging Face's names of SAM's are read too. The head
 * of SAM 2's object score, which samexporter's file has not, is 0. Throws an Error that names what is missing when the file is
 * another model.
 */
export function decoderFromOnnx(file: Uint8Array): NamedTensors {
  const { graph } = decodeModel(file);
  const naming = namingOf(graph);
  const isSam2 = graph.initializer.some(({ name = "" }) => sam2Mark.test(name));
  const tensors: Record<string, NamedTensor> = isSam2 ? noObjectScore() : {};
  for (const initializer of graph.initializer) {
    for (const [name, tensor] of recover(graph, initializer, naming)) tensors[name] = tensor;
  }
  checkLayout(tensors, decoderLayouts[isSam2 ? "sam2" : "sam"]);
  return tensors;
}

/** What SAM's decoder calls otherwise. */
const sam2Mark = /mask_decoder\.transformer\.layers\.\d\.mlp\.layers\.\d\.bias$/;

const noObjectScore = (): Record<string, NamedTensor> =>
  Object.fromEntries(
    Object.entries(sam2DecoderLayout)
      .filter(([name]) => objectScoreHead.test(name))
      .map(([name, shape]) => [name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) }]),
  );

/** Meta's name of a weight by the file's own. */
type Naming = (name: string) => string;

/** From Meta's names in SAM 2, where they are others than SAM's. */
const sam2Names = new Map(
  Object.keys(sam2DecoderLayout).flatMap((name) => {
    const theirs = metaSam2Name(name).replace(/^sam_/, "");
    return theirs === name ? [] : [[theirs, name] as const];
  }),
);

/** The two namings give some names to different weights, so it is told for the whole file. */
function namingOf(graph: OnnxGraph): Naming {
  const bare: Naming = (name) => {
    const own = name.replace(/^(model\.)?(sam_)?/, "");
    return sam2Names.get(own) ?? own;
  };
  if (!graph.initializer.some(({ name }) => name?.includes("mask_decoder.upscale_conv1"))) return bare;
  const metaNames = fromHuggingFace(Object.keys(decoderLayout));
  return (name) => metaNames.get(bare(name)) ?? bare(name);
}

/** What one initialiser is: one tensor, the two that `Expand` joins, or a constant of the graph's own. */
function recover(graph: OnnxGraph, initializer: OnnxTensor, naming: Naming): [string, NamedTensor][] {
  const name = initializer.name ?? "";
  if (!name.startsWith("onnx::")) {
    const meta = naming(name);
    if (!Object.hasOwn(sam2DecoderLayout, meta)) return [];
    return [[meta, { shape: initializer.dims, data: floatValues(initializer) }]];
  }
  if (!isFloat(initializer)) return [];
  const tensor = { shape: initializer.dims, data: floatValues(initializer) };
  // Another constant may stand in a place like a weight's, but not with as many values
  return anonymous(graph, name, tensor, naming).filter(
    ([meta, { data }]) => sam2DecoderLayout[meta]?.reduce((a, b) => a * b, 1) === data.length,
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
    case "Expand": // [1,5,256]: the IoU token, then the mask tokens; SAM 2's object score before both
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

const maskTokens = 4;

function splitOutputTokens({ shape, data }: NamedTensor): [string, NamedTensor][] {
  const [count = 0, width = 0] = shape.slice(-2);
  if (count * width !== data.length) return [];
  const rows = (from: number, to: number): NamedTensor => ({
    shape: [to - from, width],
    data: data.slice(from * width, to * width),
  });
  const iou = count - maskTokens - 1;
  return [
    ...(iou === 1 ? [["mask_decoder.obj_score_token.weight", rows(0, 1)] as [string, NamedTensor]] : []),
    ["mask_decoder.iou_token.weight", rows(iou, iou + 1)],
    ["mask_decoder.mask_tokens.weight", rows(iou + 1, count)],
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
