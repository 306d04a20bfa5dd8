import {
  type Dim,
  fixedInts,
  fixedShape,
  type FreeSize,
  type Graph,
  isFixed,
  type Node,
  sameShape,
  timesFixed,
  uniform,
  type Value,
} from "../ir.ts";
import type { Rewriting, Rule } from "./rewriter.ts";

/** Gemm adds a row of biases by itself, without another pass over the product. */
export const foldBias: Rule = (node, { maker, uses, emit }) => {
  const [output] = node.outputs;
  if (node.op !== "Add" || !output) return null;
  for (const [matrix, bias] of [node.inputs, [node.inputs[1], node.inputs[0]]]) {
    const gemm = maker(matrix);
    if (!matrix || !bias || gemm?.op !== "Gemm" || gemm.inputs.length !== 2 || uses(matrix) !== 1) continue;
    const columns = matrix.shape[1];
    if (bias.shape.length !== 1 || bias.shape[0] !== columns || !sameShape(matrix.shape, output.shape))
      continue;
    return [emit("Gemm", [...gemm.inputs, bias], output, gemm.attributes)];
  }
  return null;
};

/** The two operands of a commutative node, in both orders. */
const orders = (node: Node): [Value, Value][] => {
  const [a, b] = node.inputs;
  return a && b
    ? [
        [a, b],
        [b, a],
      ]
    : [];
};

const isLastAxisMean = (node: Node | undefined, graph: Graph): boolean => {
  const input = node?.inputs[0];
  const axes = fixedInts(graph, node?.inputs[1]);
  return (
    node?.op === "ReduceMean" &&
    input !== undefined &&
    input !== null &&
    axes?.length === 1 &&
    axes[0] === input.shape.length - 1 &&
    node.attributes["keepdims"] === 1
  );
};

/**
 * (x - mean) * 1 / sqrt(variance + epsilon), as model/layers.ts writes it, is LayerNormalization without scale; its
 * second and third outputs are the mean and the inverse deviation, which a gradient may want.
 */
export const fuseNormalisation: Rule = (node, rewriting) => {
  if (node.op !== "Mul") return null;
  const found = findNormalisation(node, rewriting);
  const [output] = node.outputs;
  if (!found || !output) return null;
  const { x, epsilon, inverse } = found;
  const columns = x.shape.at(-1);
  if (typeof columns !== "number") return null;
  const ones = rewriting.constant(
    { kind: "data", data: new Float32Array(columns).fill(1) },
    [columns],
    "float32",
  );
  const attributes = { axis: -1, epsilon: { float: epsilon } };
  if (rewriting.uses(inverse) === 1)
    return [rewriting.emit("LayerNormalization", [x, ones], output, attributes)];
  const values = [output, inverse, inverse].map(({ shape }): Value => ({
    name: "",
    shape,
    dtype: "float32",
  }));
  rewriting.emitNode({
    op: "LayerNormalization",
    domain: "",
    inputs: [x, ones],
    outputs: values,
    attributes,
  });
  rewriting.replace(inverse, values[2] as Value);
  return values.slice(0, 1);
};

function findNormalisation(
  node: Node,
  { graph, maker }: Rewriting,
): { x: Value; epsilon: number; inverse: Value } | null {
  for (const [centred, inverse] of orders(node)) {
    const difference = maker(centred);
    const reciprocal = maker(inverse);
    const root = maker(reciprocal?.inputs[0]);
    const sum = maker(root?.inputs[0]);
    if (
      difference?.op !== "Sub" ||
      reciprocal?.op !== "Reciprocal" ||
      root?.op !== "Sqrt" ||
      sum?.op !== "Add"
    )
      continue;
    const [x, mean] = difference.inputs;
    const [variance, epsilonValue] = sum.inputs;
    const epsilon = uniform(graph, epsilonValue);
    const varianceMean = maker(variance);
    const square = maker(varianceMean?.inputs[0]);
    const meanNode = maker(mean);
    if (!x || epsilon === null || !isLastAxisMean(varianceMean, graph) || !isLastAxisMean(meanNode, graph))
      continue;
    if (meanNode?.inputs[0] !== x || square?.op !== "Mul") continue;
    if (square.inputs[0] === centred && square.inputs[1] === centred) return { x, epsilon, inverse };
  }
  return null;
}

/** LayerNormalization without scale, then times a weight and plus a bias that nothing else wants, is one operator. */
export const foldScale: Rule = (node, { graph, maker, uses, emit, emitNode, replace }) => {
  const [output] = node.outputs;
  if (node.op !== "Add" || !output) return null;
  for (const [scaled, bias] of orders(node)) {
    const times = maker(scaled);
    if (times?.op !== "Mul" || uses(scaled) !== 1) continue;
    for (const [normal, weight] of orders(times)) {
      const norm = maker(normal);
      if (norm?.op !== "LayerNormalization" || norm.inputs.length !== 2 || uses(normal) !== 1) continue;
      if (uniform(graph, norm.inputs[1]) !== 1 || !isRow(weight, output) || !isRow(bias, output)) continue;
      const inputs = [norm.inputs[0] ?? null, weight, bias];
      if (norm.outputs.length === 1) return [emit("LayerNormalization", inputs, output, norm.attributes)];
      // Mean and deviation are the same ones; what reads them behind this node reads them here.
      const outputs = norm.outputs.map(({ shape, dtype }): Value => ({ name: "", shape, dtype }));
      emitNode({ ...norm, inputs, outputs });
      norm.outputs.slice(1).forEach((value, i) => replace(value, outputs[i + 1] as Value));
      return outputs.slice(0, 1);
    }
  }
  return null;
};

/**
 * Sums that are normalised go through a reshape to a matrix. Without it onnxruntime 1.30 fuses sum and normalisation
 * into its SkipLayerNormalization, whose CPU kernel is slow: a training step's CPU time fell from 124 to 108 ms
 * (batch 1, 1 thread).
 */
export const normaliseRows: Rule = (node, { maker, emit, emitNode, constant }) => {
  const [input] = node.inputs;
  const columns = input?.shape.at(-1);
  if (node.op !== "LayerNormalization" || !input || input.shape.length < 3 || columns === undefined)
    return null;
  if (maker(input)?.op !== "Add") return null;
  const ints = (dims: readonly Dim[]): Value =>
    constant({ kind: "ints", ints: dims }, [dims.length], "int64");
  const rows = product(input.shape.slice(0, -1));
  if (rows === null) return null;
  const flat = emit("Reshape", [input, ints([rows, columns])], { shape: [rows, columns] });
  const outputs = node.outputs.map(({ shape }): Value => {
    const width = shape.at(-1) ?? 1;
    return { name: "", shape: [rows, width], dtype: "float32" };
  });
  emitNode({ ...node, inputs: [flat, ...node.inputs.slice(1)], outputs });
  return node.outputs.map((output, i) => emit("Reshape", [outputs[i] ?? null, ints(output.shape)], output));
};

/** Null where two sizes are free. */
function product(dims: readonly Dim[]): Dim | null {
  const fixed = dims.filter(isFixed).reduce((a, b) => a * b, 1);
  const [only, another] = dims.filter((dim): dim is FreeSize => !isFixed(dim));
  if (!only) return fixed;
  return another ? null : timesFixed(only, fixed);
}

const isRow = (row: Value, of: Value): boolean =>
  row.shape.length === 1 && row.shape[0] === of.shape.at(-1) && fixedShape(row.shape) !== null;

const near = (a: number | null, b: number): boolean => a !== null && Math.abs(a - b) < 1e-6;

/** x * (erf(x / sqrt 2) * 0.5 + 0.5), as model/layers.ts writes it, is Gelu, where no gradient wants its parts. */
export const fuseGelu: Rule = (node, { graph, maker, uses, emit }) => {
  const [output] = node.outputs;
  if (node.op !== "Mul" || !output) return null;
  for (const [x, share] of orders(node)) {
    if (uses(share) !== 1) continue;
    const sum = maker(share);
    const half = maker(sum?.inputs[0]);
    const erf = maker(half?.inputs[0]);
    const argument = maker(erf?.inputs[0]);
    if (sum?.op !== "Add" || half?.op !== "Mul" || erf?.op !== "Erf" || argument?.op !== "Mul") continue;
    if (!near(uniform(graph, sum.inputs[1]), 0.5) || !near(uniform(graph, half.inputs[1]), 0.5)) continue;
    if (argument.inputs[0] !== x || !near(uniform(graph, argument.inputs[1]), Math.SQRT1_2)) continue;
    return [emit("Gelu", [x], output)];
  }
  return null;
};

/**
 * Gelu of a Gemm with biases adds them itself, onnxruntime's own operator: a Gemm first writes its biases where its
 * product comes, another pass over what is 8 MiB for SAM's finest cells.
 */
export const fuseBiasGelu: Rule = (node, { maker, uses, emit, emitNode, constant }) => {
  const [input] = node.inputs;
  const [output] = node.outputs;
  if (node.op !== "Gelu" || !input || !output || uses(input) !== 1) return null;
  const made = maker(input);
  const sum = made?.op === "Reshape" ? made.inputs[0] : input;
  const gemm = maker(sum);
  if (!sum || gemm?.op !== "Gemm" || gemm.inputs.length !== 3 || uses(sum) !== 1) return null;
  const [a, b, bias] = gemm.inputs;
  if (!bias || !isRow(bias, sum)) return null;
  const multiplied = emit("Gemm", [a ?? null, b ?? null], sum, gemm.attributes);
  const value: Value = { name: "", shape: sum.shape, dtype: "float32" };
  emitNode({
    op: "BiasGelu",
    domain: "com.microsoft",
    inputs: [multiplied, bias],
    outputs: [value],
    attributes: {},
  });
  if (sum === input) return [value];
  const shape = constant({ kind: "ints", ints: output.shape }, [output.shape.length], "int64");
  return [emit("Reshape", [value, shape], output)];
};
