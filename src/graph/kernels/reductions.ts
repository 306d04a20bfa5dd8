import * as tf from "@tensorflow/tfjs-core";
import type { Dtype, Value } from "../ir.ts";
import type { Kernel, KernelCall, Kernels } from "./kernel.ts";

/** Sum, mean and the like over axes; `axesName` is what tfjs calls the attribute. */
const reduce =
  (op: string, axesName = "axis"): Kernel =>
  ({ recorder, input, attribute }) => {
    const x = input("x");
    const axes = tf.util
      .parseAxisParam(attribute<number | number[]>(axesName), x.shape)
      .sort((a, b) => a - b);
    const keep = attribute<boolean | undefined>("keepDims") ?? false;
    const shape = x.shape.flatMap((dim, i) => (!axes.includes(i) ? [dim] : keep ? [1] : []));
    // tfjs adds up booleans as whole numbers.
    const counts = x.dtype === "bool" && op === "ReduceSum";
    const dtype: Dtype = counts ? "int32" : x.dtype;
    const from = counts ? recorder.emit("Cast", [x.value], x.shape, "int32", { to: 6 }) : x.value;
    if (axes.length === 0) return from;
    return recorder.emit(op, [from, recorder.ints(axes)], shape, dtype, { keepdims: keep ? 1 : 0 });
  };

/** Booleans as whole numbers, reduced, and back: ONNX has no reduction of booleans. */
const reduceBool =
  (op: string): Kernel =>
  (call) => {
    const { recorder, input } = call;
    const x = input("x");
    const numbers = recorder.emit("Cast", [x.value], x.shape, "int32", { to: 6 });
    const reduced = reduce(op)({
      ...call,
      input: () => ({ value: numbers, shape: x.shape, dtype: "int32" }),
    }) as Value;
    return recorder.emit("Cast", [reduced], reduced.shape as number[], "bool", { to: 9 });
  };

const argument =
  (op: string): Kernel =>
  ({ recorder, input, attribute }) => {
    const x = input("x");
    const [axis] = tf.util.parseAxisParam(attribute<number | number[]>("axis"), x.shape) as [number];
    const shape = x.shape.filter((_, i) => i !== axis);
    const index = recorder.emit(op, [x.value], shape, "int64", { axis, keepdims: 0 });
    return recorder.emit("Cast", [index], shape, "int32", { to: 6 });
  };

/** tfjs's softmax is always over the last axis. */
const softmax: Kernel = ({ recorder, input }) => {
  const x = input("logits");
  return recorder.emit("Softmax", [x.value], x.shape, x.dtype, { axis: x.shape.length - 1 });
};

function cumsum({ recorder, input, attribute }: KernelCall): Value {
  const x = input("x");
  const [axis] = tf.util.parseAxisParam(attribute<number>("axis"), x.shape) as [number];
  const attributes = {
    exclusive: attribute<boolean>("exclusive") ? 1 : 0,
    reverse: attribute<boolean>("reverse") ? 1 : 0,
  };
  return recorder.emit("CumSum", [x.value, recorder.ints([axis])], x.shape, x.dtype, attributes);
}

export const reductionKernels: Kernels = {
  All: reduceBool("ReduceMin"),
  Any: reduceBool("ReduceMax"),
  ArgMax: argument("ArgMax"),
  ArgMin: argument("ArgMin"),
  Cumsum: cumsum,
  Max: reduce("ReduceMax", "reductionIndices"),
  Mean: reduce("ReduceMean"),
  Min: reduce("ReduceMin"),
  Prod: reduce("ReduceProd"),
  Softmax: softmax,
  Sum: reduce("ReduceSum"),
};
