import * as tf from "@tensorflow/tfjs-core";
import type { Value } from "../ir.ts";
import type { Recorder } from "../recorder.ts";
import type { KernelCall, Kernels, Operand } from "./kernel.ts";

/** The last two axes swapped. */
function transposed(recorder: Recorder, x: Operand): Operand {
  const rank = x.shape.length;
  const perm = x.shape.map((_, i) => (i < rank - 2 ? i : 2 * rank - 3 - i));
  const shape = perm.map((p) => x.shape[p] as number);
  return { ...x, shape, value: recorder.emit("Transpose", [x.value], shape, x.dtype, { perm }) };
}

/** Only the last two axes, where all before them are 1. */
function matrix(recorder: Recorder, x: Operand): Value {
  if (x.shape.length === 2) return x.value;
  const shape = x.shape.slice(-2);
  return recorder.emit("Reshape", [x.value, recorder.ints(shape)], shape, x.dtype);
}

/** Two matrices go to Gemm, which takes transposed operands as they lie; stacks of matrices to MatMul. */
function matMul({ recorder, input, attribute }: KernelCall): Value {
  const [a, b] = [input("a"), input("b")];
  const [transA, transB] = [attribute<boolean>("transposeA"), attribute<boolean>("transposeB")];
  const rows = a.shape.at(transA ? -1 : -2) as number;
  const columns = b.shape.at(transB ? -2 : -1) as number;
  const inner = [a.shape.at(transA ? -2 : -1), b.shape.at(transB ? -1 : -2)];
  if (inner[0] !== inner[1])
    throw new Error(`matMul of [${a.shape.join()}] and [${b.shape.join()}] does not fit`);
  const batch = tf.broadcast_util.assertAndGetBroadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const shape = [...batch, rows, columns];
  if (batch.every((dim) => dim === 1)) {
    const attributes = { transA: transA ? 1 : 0, transB: transB ? 1 : 0 };
    const operands = [matrix(recorder, a), matrix(recorder, b)];
    const product = recorder.emit("Gemm", operands, [rows, columns], "float32", attributes);
    if (batch.length === 0) return product;
    return recorder.emit("Reshape", [product, recorder.ints(shape)], shape);
  }
  const left = transA ? transposed(recorder, a) : a;
  const right = transB ? transposed(recorder, b) : b;
  return recorder.emit("MatMul", [left.value, right.value], shape);
}

export const matmulKernels: Kernels = { BatchMatMul: matMul };
