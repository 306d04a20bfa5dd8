import { int8Steps } from "../../lib/int8-steps.ts";
import {
  attribute,
  dataType,
  float32Tensor,
  float32Values,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from "../../lib/onnx-proto.ts";

/** Smaller matrices stay exact; no linear layer of an image encoder is so small. */
const leastValues = 4_096;
/**
 * The largest step of a weight. With 64 the sum of two products of an 8-bit activation stays within 16 bits, which
 * processors without VNNI add them in, so that all processors give the same numbers.
 */
const mostSteps = 64;

/**
 * The same graph with the products of its linear layers in 8-bit integers: weights as int8 with a scale for each output
 * channel, activations as uint8 with a scale and zero for each run, which onnxruntime finds as it runs. Operators are those
 * of ONNX 11 (DynamicQuantizeLinear, MatMulInteger) in the order that onnxruntime fuses. Convolutions, attention and
 * norms stay float32. `products` tells how many were changed.
 * Throws an Error where a weight lies in another file: they have to be read before.
 */
export function withInt8Products(model: OnnxModel): { model: OnnxModel; products: number } {
  const { graph } = model;
  const weights = new Map(weightsOf(graph));
  const made = new Map<string, Int8Weight>();
  const int8Of = (name: string, isTurned: boolean): Int8Weight => {
    const key = isTurned ? `${name}.turned` : name;
    const known = made.get(key);
    if (known) return known;
    const weight = int8Weight(key, weights.get(name) as OnnxTensor, isTurned);
    made.set(key, weight);
    return weight;
  };
  let products = 0;
  const replaced = new Set<string>();
  const node = graph.node.flatMap((given) => {
    const product = linearProduct(given, weights);
    if (!product) return [given];
    replaced.add(product.weight);
    return int8Nodes(given, int8Of(product.weight, product.isTurned), products++);
  });
  // A weight that another node takes too, or a graph inside of a node may take, stays beside its twin.
  const used = new Set(node.flatMap(({ input }) => input).concat(graph.output.map(({ name }) => name)));
  const nests = node.some(({ attribute: attributes = [] }) => attributes.some(({ g }) => g !== undefined));
  const gone = new Set([...replaced].filter((name) => !nests && !used.has(name)));
  const isGone = ({ name = "" }: { name?: string }): boolean => gone.has(name);
  const tensors = [...made.values()].flatMap(({ tensors: both }) => both);
  return {
    products,
    model: {
      ...model,
      graph: {
        ...graph,
        node: node.filter(({ opType, output }) => opType !== "Constant" || !gone.has(output[0] ?? "")),
        initializer: [...graph.initializer.filter((tensor) => !isGone(tensor)), ...tensors],
        input: graph.input.filter((value) => !isGone(value)),
      },
    },
  };
}

interface Int8Weight {
  readonly name: string;
  readonly scale: string;
  readonly tensors: readonly OnnxTensor[];
}

/** Matrices of the graph by their names, as initialisers or as constants among the nodes. */
function* weightsOf(graph: OnnxGraph): Generator<[string, OnnxTensor]> {
  const isMatrix = ({ dataType: type, dims }: OnnxTensor): boolean =>
    type === dataType.float && dims.length === 2 && dims.reduce((a, b) => a * b, 1) >= leastValues;
  for (const tensor of graph.initializer) if (isMatrix(tensor)) yield [tensor.name ?? "", tensor];
  for (const { opType, output, attribute: attributes = [] } of graph.node) {
    const tensor = attributes.find(({ name }) => name === "value")?.t;
    if (opType === "Constant" && tensor && isMatrix(tensor)) yield [output[0] ?? "", tensor];
  }
}

/** A product with a weight on its right side, [K, N], or [N, K] where it is turned; null of any other node. */
function linearProduct(
  { opType, input, domain = "", attribute: attributes = [] }: OnnxNode,
  weights: ReadonlyMap<string, OnnxTensor>,
): { weight: string; isTurned: boolean } | null {
  const weight = input[1] ?? "";
  if (domain !== "" || !weights.has(weight)) return null;
  if (opType === "MatMul") return { weight, isTurned: false };
  if (opType !== "Gemm") return null;
  const said = (name: string, otherwise: number): number => {
    const found = attributes.find((one) => one.name === name);
    return found?.f ?? found?.i ?? otherwise;
  };
  const isPlain = said("transA", 0) === 0 && said("alpha", 1) === 1 && said("beta", 1) === 1;
  return isPlain ? { weight, isTurned: said("transB", 0) === 1 } : null;
}

/** What stands for a product, and the sum after it where Gemm has one. */
function int8Nodes(given: OnnxNode, weight: Int8Weight, index: number): OnnxNode[] {
  const name = (part: string): string => `_int8_${index}_${part}`;
  const [activation = "", , bias] = given.input;
  const product = bias ? name("product") : (given.output[0] ?? "");
  const [values, scale, zero, sum, float, scales] = ["values", "scale", "zero", "sum", "float", "scales"].map(
    name,
  ) as [string, string, string, string, string, string];
  const node = (opType: string, input: string[], output: string[]): OnnxNode => ({
    opType,
    input,
    output,
    attribute: [],
  });
  return [
    node("DynamicQuantizeLinear", [activation], [values, scale, zero]),
    node("MatMulInteger", [values, weight.name, zero], [sum]),
    { ...node("Cast", [sum], [float]), attribute: [attribute("to", dataType.float)] },
    node("Mul", [scale, weight.scale], [scales]),
    node("Mul", [float, scales], [product]),
    ...(bias ? [node("Add", [product, bias], [given.output[0] ?? ""])] : []),
  ];
}

/** A matrix in steps of a 64th of the largest value of its column, as [K, N]. */
function int8Weight(name: string, tensor: OnnxTensor, isTurned: boolean): Int8Weight {
  const [first = 0, second = 0] = tensor.dims;
  const [rows, columns] = isTurned ? [second, first] : [first, second];
  const axis = isTurned ? 0 : 1;
  const { values, scales } = int8Steps(float32Values(tensor), { dims: tensor.dims, axis, steps: mostSteps });
  const small = isTurned
    ? Int8Array.from(values, (_, i) => values[(i % columns) * rows + Math.floor(i / columns)] as number)
    : values;
  const [int8, scale] = [`${name}.int8`, `${name}.scale`];
  return {
    name: int8,
    scale,
    tensors: [
      { name: int8, dims: [rows, columns], dataType: dataType.int8, rawData: new Uint8Array(small.buffer) },
      float32Tensor(scale, [columns], scales),
    ],
  };
}
