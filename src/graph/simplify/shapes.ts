import { fixedInts, type Node, sameShape, uniform, type Value } from "../ir.ts";
import type { Rule } from "./rewriter.ts";

/** Drops reshapes that change nothing, and looks through chains of them. */
export const mergeReshapes: Rule = (node, { maker, emit }) => {
  const [output] = node.outputs;
  const [input, shape] = node.inputs;
  if (node.op !== "Reshape" || !input || !shape || !output) return null;
  if (sameShape(input.shape, output.shape)) return [input];
  const before = maker(input);
  if (before?.op !== "Reshape" || !before.inputs[0]) return null;
  const origin = before.inputs[0];
  if (sameShape(origin.shape, output.shape)) return [origin];
  return [emit("Reshape", [origin, shape], output)];
};

const broadcasting = new Set(["Add", "Sub", "Mul", "Div", "Max", "Min", "Where"]);

/**
 * tfjs spreads values by multiplying with ones or by tiling; ONNX's element-wise operators broadcast by themselves.
 * Where the other operand has the full shape anyway, the spreading is dropped.
 */
export const dropBroadcasts: Rule = (node, { graph, maker, emit }) => {
  const [output] = node.outputs;
  if (!output || !broadcasting.has(node.op)) return null;
  if (node.op === "Mul" && node.inputs.length === 2) {
    for (const [x, ones] of [node.inputs, [node.inputs[1], node.inputs[0]]]) {
      if (!x || !ones || filledWith(maker(ones), graph, ones) !== 1) continue;
      if (sameShape(x.shape, output.shape)) return [x];
      const shape = maker(ones)?.inputs[0];
      if (shape && sameShape(ones.shape, output.shape)) return [emit("Expand", [x, shape], output)];
    }
  }
  const inputs = node.inputs.map((input, i) => {
    const spread = input ? maker(input) : undefined;
    const full = node.inputs.some((other, k) => k !== i && other && sameShape(other.shape, output.shape));
    return spread?.op === "Expand" && full ? (spread.inputs[0] ?? null) : input;
  });
  if (inputs.every((input, i) => input === node.inputs[i])) return null;
  return [emit(node.op, inputs, output, node.attributes)];
};

function filledWith(
  node: Node | undefined,
  graph: Parameters<typeof uniform>[0],
  value: Value,
): number | null {
  if (node?.op !== "ConstantOfShape") return uniform(graph, value);
  const fill = node.attributes["value"];
  return typeof fill === "object" && "float" in fill ? fill.float : null;
}

/** Sums over the leading axes, the gradients of biases, are products with a row of ones: several times faster. */
export const sumByProduct: Rule = (node, { graph, emit, constant }) => {
  const [input, axesValue] = node.inputs;
  const [output] = node.outputs;
  const axes = fixedInts(graph, axesValue);
  if (node.op !== "ReduceSum" || !input || !output || !axes || input.dtype !== "float32") return null;
  const shape = input.shape.every((dim) => typeof dim === "number") ? input.shape : null;
  if (!shape || axes.some((axis, i) => axis !== i) || axes.length >= shape.length) return null;
  const rows = shape.slice(0, axes.length).reduce((a, b) => a * b, 1);
  const columns = shape.slice(axes.length).reduce((a, b) => a * b, 1);
  if (rows < 256 || columns < 8) return null;
  const ints = (values: readonly number[]): Value =>
    constant({ kind: "ints", ints: values }, [values.length], "int64");
  const flat = emit("Reshape", [input, ints([rows, columns])], { shape: [rows, columns] });
  const ones = emit("ConstantOfShape", [ints([1, rows])], { shape: [1, rows] }, { value: { float: 1 } });
  const sums = emit("Gemm", [ones, flat], { shape: [1, columns] }, { transA: 0, transB: 0 });
  return [emit("Reshape", [sums, ints(output.shape as number[])], output)];
};
