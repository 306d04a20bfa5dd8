import * as tf from "@tensorflow/tfjs-core";
import type { Dtype, Value } from "../ir.ts";
import type { Recorder } from "../recorder.ts";
import type { Kernel, KernelCall, Kernels, Operand } from "./kernel.ts";

const broadcast = (a: readonly number[], b: readonly number[]): number[] =>
  tf.broadcast_util.assertAndGetBroadcastShape([...a], [...b]);

const unary =
  (op: string): Kernel =>
  ({ recorder, input }) => {
    const x = input("x");
    return recorder.emit(op, [x.value], x.shape, x.dtype);
  };

const binary =
  (op: string, result?: Dtype): Kernel =>
  ({ recorder, input }) => {
    const [a, b] = [input("a"), input("b")];
    return recorder.emit(op, [a.value, b.value], broadcast(a.shape, b.shape), result ?? a.dtype);
  };

const cast = (recorder: Recorder, x: Operand, dtype: Dtype): Value =>
  x.dtype === dtype ? x.value : recorder.emit("Cast", [x.value], x.shape, dtype, { to: onnxType[dtype] });

/** TensorProto.DataType of what a tfjs tensor can be. */
const onnxType: Readonly<Record<Dtype, number>> = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 };

/** x > 0 gives 1, NaN stays NaN in tfjs and gives `alpha` here: nothing in a model steps on NaN on purpose. */
function step({ recorder, input, attribute }: KernelCall): Value {
  const x = input("x");
  const positive = recorder.emit("Greater", [x.value, recorder.scalar(0)], x.shape, "bool");
  const alpha = attribute<number | undefined>("alpha") ?? 0;
  if (alpha === 0) return recorder.emit("Cast", [positive], x.shape, "float32", { to: onnxType.float32 });
  return recorder.emit("Where", [positive, recorder.scalar(1), recorder.scalar(alpha)], x.shape);
}

function notEqual({ recorder, input }: KernelCall): Value {
  const [a, b] = [input("a"), input("b")];
  const shape = broadcast(a.shape, b.shape);
  return recorder.emit("Not", [recorder.emit("Equal", [a.value, b.value], shape, "bool")], shape, "bool");
}

/** tfjs has broadcast all three to one shape already. */
function select({ recorder, input }: KernelCall): Value {
  const [condition, t, e] = [input("condition"), input("t"), input("e")];
  return recorder.emit("Where", [condition.value, t.value, e.value], t.shape, t.dtype);
}

function addN({ recorder, inputs }: KernelCall): Value {
  const [first, ...rest] = inputs();
  if (!first) throw new Error("AddN needs at least one input");
  return rest.reduce((sum, x) => recorder.emit("Add", [sum, x.value], x.shape, x.dtype), first.value);
}

/** exp(x) - 1 and log(1 + x) by their plain formulas: no ONNX operator exists for them. */
const expm1: Kernel = ({ recorder, input }) => {
  const x = input("x");
  return recorder.emit("Sub", [recorder.emit("Exp", [x.value], x.shape), recorder.scalar(1)], x.shape);
};

const log1p: Kernel = ({ recorder, input }) => {
  const x = input("x");
  return recorder.emit("Log", [recorder.emit("Add", [x.value, recorder.scalar(1)], x.shape)], x.shape);
};

const rsqrt: Kernel = ({ recorder, input }) => {
  const x = input("x");
  return recorder.emit("Reciprocal", [recorder.emit("Sqrt", [x.value], x.shape)], x.shape);
};

const square: Kernel = ({ recorder, input }) => {
  const x = input("x");
  return recorder.emit("Mul", [x.value, x.value], x.shape, x.dtype);
};

const squaredDifference: Kernel = ({ recorder, input }) => {
  const [a, b] = [input("a"), input("b")];
  const shape = broadcast(a.shape, b.shape);
  const difference = recorder.emit("Sub", [a.value, b.value], shape, a.dtype);
  return recorder.emit("Mul", [difference, difference], shape, a.dtype);
};

const clip: Kernel = ({ recorder, input, attribute }) => {
  const x = input("x");
  const [min, max] = [attribute<number>("clipValueMin"), attribute<number>("clipValueMax")];
  return recorder.emit("Clip", [x.value, recorder.scalar(min), recorder.scalar(max)], x.shape, x.dtype);
};

const leakyRelu: Kernel = ({ recorder, input, attribute }) => {
  const x = input("x");
  const alpha = { float: attribute<number>("alpha") };
  return recorder.emit("LeakyRelu", [x.value], x.shape, x.dtype, { alpha });
};

/** One op per kernel where tfjs and ONNX agree, a few nodes where they do not. */
export const elementwiseKernels: Kernels = {
  Abs: unary("Abs"),
  Ceil: unary("Ceil"),
  Cos: unary("Cos"),
  Erf: unary("Erf"),
  Exp: unary("Exp"),
  Floor: unary("Floor"),
  LogicalNot: unary("Not"),
  Log: unary("Log"),
  Neg: unary("Neg"),
  Reciprocal: unary("Reciprocal"),
  Relu: unary("Relu"),
  Round: unary("Round"),
  Sigmoid: unary("Sigmoid"),
  Sign: unary("Sign"),
  Sin: unary("Sin"),
  Softplus: unary("Softplus"),
  Sqrt: unary("Sqrt"),
  Tanh: unary("Tanh"),
  Add: binary("Add"),
  Sub: binary("Sub"),
  Multiply: binary("Mul"),
  RealDiv: binary("Div"),
  Maximum: binary("Max"),
  Minimum: binary("Min"),
  Pow: binary("Pow"),
  Equal: binary("Equal", "bool"),
  Greater: binary("Greater", "bool"),
  GreaterEqual: binary("GreaterOrEqual", "bool"),
  Less: binary("Less", "bool"),
  LessEqual: binary("LessOrEqual", "bool"),
  LogicalAnd: binary("And", "bool"),
  LogicalOr: binary("Or", "bool"),
  NotEqual: notEqual,
  AddN: addN,
  Cast: ({ recorder, input, attribute }) => cast(recorder, input("x"), attribute<Dtype>("dtype")),
  ClipByValue: clip,
  Expm1: expm1,
  Identity: ({ input }) => input("x").value,
  LeakyRelu: leakyRelu,
  Log1p: log1p,
  Rsqrt: rsqrt,
  Select: select,
  Square: square,
  SquaredDifference: squaredDifference,
  Step: step,
};
