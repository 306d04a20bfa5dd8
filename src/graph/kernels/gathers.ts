import * as tf from "@tensorflow/tfjs-core";
import type { Value } from "../ir.ts";
import type { Recorder } from "../recorder.ts";
import type { KernelCall, Kernels, Operand } from "./kernel.ts";

/** Rows by index. Indices out of range are an error at run time, as in tfjs. */
function gather({ recorder, input, attribute }: KernelCall): Value {
  const [x, indices] = [input("x"), input("indices")];
  if ((attribute<number | undefined>("batchDims") ?? 0) !== 0)
    throw new Error("GatherV2 with batchDims can't be recorded");
  const [axis] = tf.util.parseAxisParam(attribute<number>("axis"), x.shape) as [number];
  const shape = x.shape.toSpliced(axis, 1, ...indices.shape);
  // Numbers, not rows: onnxruntime's Gather copies each by itself, which takes six times as long.
  if (axis === x.shape.length - 1 && indices.shape.length === 1) {
    if (x.shape.length === 1)
      return recorder.emit("GatherElements", [x.value, indices.value], shape, x.dtype, { axis });
    const each = recorder.emit("Expand", [indices.value, recorder.ints(shape)], shape, indices.dtype);
    return recorder.emit("GatherElements", [x.value, each], shape, x.dtype, { axis });
  }
  return recorder.emit("Gather", [x.value, indices.value], shape, x.dtype, { axis });
}

/** Ones and zeros, or other two numbers: [..., depth]. onnxruntime has it with floats only. */
function oneHotOf(recorder: Recorder, indices: Operand, depth: number, off: number, on: number): Value {
  const data = recorder.write(Float32Array.of(off, on), [2], "float32");
  const values = recorder.valueBehind({ dataId: data, shape: [2], dtype: "float32" });
  const inputs = [indices.value, recorder.scalar(depth, "int32"), values];
  return recorder.emit("OneHot", inputs, [...indices.shape, depth], "float32", { axis: -1 });
}

function oneHot({ recorder, input, attribute }: KernelCall): Value {
  const indices = input("indices");
  const depth = attribute<number>("depth");
  const floats = oneHotOf(
    recorder,
    indices,
    depth,
    attribute<number>("offValue"),
    attribute<number>("onValue"),
  );
  if (attribute<string | undefined>("dtype") === "float32") return floats;
  return recorder.emit("Cast", [floats], [...indices.shape, depth], "int32", { to: 6 });
}

/** Sums of rows that share a segment, as a matrix product with the one-hot segments (the gradient of a gather). */
function segmentSum({ recorder, input, attribute }: KernelCall): Value {
  const [x, ids] = [input("x"), input("segmentIds")];
  const segments = attribute<number>("numSegments");
  const [rows, width] = [x.shape[0] as number, tf.util.sizeFromShape(x.shape.slice(1))];
  const chosen = oneHotOf(recorder, ids, segments, 0, 1);
  const flat = recorder.emit("Reshape", [x.value, recorder.ints([rows, width])], [rows, width]);
  const sums = recorder.emit("Gemm", [chosen, flat], [segments, width], "float32", { transA: 1, transB: 0 });
  const shape = [segments, ...x.shape.slice(1)];
  return recorder.emit("Reshape", [sums, recorder.ints(shape)], shape);
}

/** Values by place in a tensor of zeros, as one row each of `indices` [count, 1]; a place may be named once. */
function scatter({ recorder, input, attribute }: KernelCall): Value {
  const [indices, updates] = [input("indices"), input("updates")];
  const shape = attribute<number[]>("shape");
  const filled = recorder.fill(shape, 0, updates.dtype);
  // Single numbers by ScatterElements: ScatterND takes ten times as long for them.
  if (shape.length === 1) {
    const flat = recorder.emit(
      "Reshape",
      [indices.value, recorder.ints(updates.shape)],
      updates.shape,
      indices.dtype,
    );
    return recorder.emit("ScatterElements", [filled, flat, updates.value], shape, updates.dtype, { axis: 0 });
  }
  const places = recorder.emit("Cast", [indices.value], indices.shape, "int64", { to: 7 });
  return recorder.emit("ScatterND", [filled, places, updates.value], shape, updates.dtype);
}

export const gatherKernels: Kernels = {
  GatherV2: gather,
  OneHot: oneHot,
  ScatterNd: scatter,
  UnsortedSegmentSum: segmentSum,
};
