import * as tf from "@tensorflow/tfjs-core";
import type { Value } from "../ir.ts";
import type { Recorder } from "../recorder.ts";
import type { KernelCall, Kernels, Operand } from "./kernel.ts";

/** The same values in another shape; a fresh value even where nothing changes is tfjs's affair, not the graph's. */
const reshape = (recorder: Recorder, x: Operand, shape: readonly number[]): Value =>
  recorder.emit("Reshape", [x.value, recorder.ints(shape)], shape, x.dtype);

/** Part of a tensor along one axis: [begin, end). */
function part(recorder: Recorder, x: Operand, axis: number, begin: number, end: number): Value {
  const shape = x.shape.with(axis, end - begin);
  return slice(recorder, x, [axis], [begin], [end], shape);
}

function slice(
  recorder: Recorder,
  x: Operand,
  axes: readonly number[],
  begin: readonly number[],
  end: readonly number[],
  shape: readonly number[],
): Value {
  const bounds = [recorder.ints(begin), recorder.ints(end), recorder.ints(axes)];
  return recorder.emit("Slice", [x.value, ...bounds], shape, x.dtype);
}

const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

function concat({ recorder, inputs, attribute }: KernelCall): Value {
  const all = inputs();
  const first = all[0] as Operand;
  const axis = axisOf(attribute<number>("axis"), first.shape.length);
  const length = all.reduce((sum, x) => sum + (x.shape[axis] as number), 0);
  const values = all.map((x) => x.value);
  return recorder.emit("Concat", values, first.shape.with(axis, length), first.dtype, { axis });
}

function pack({ recorder, inputs, attribute }: KernelCall): Value {
  const all = inputs();
  const first = all[0] as Operand;
  const axis = axisOf(attribute<number>("axis"), first.shape.length + 1);
  const rows = all.map((x) => reshape(recorder, x, x.shape.toSpliced(axis, 0, 1)));
  return recorder.emit("Concat", rows, first.shape.toSpliced(axis, 0, all.length), first.dtype, { axis });
}

function unpack({ recorder, input, attribute }: KernelCall): Value[] {
  const x = input("value");
  const axis = axisOf(attribute<number>("axis"), x.shape.length);
  return Array.from({ length: x.shape[axis] as number }, (_, i) => {
    const row = { ...x, value: part(recorder, x, axis, i, i + 1), shape: x.shape.with(axis, 1) };
    return reshape(recorder, row, x.shape.toSpliced(axis, 1));
  });
}

function sliceKernel({ recorder, input, attribute }: KernelCall): Value {
  const x = input("x");
  const [begin, size] = tf.slice_util.parseSliceParams(
    tensorLike(x),
    attribute<number | number[]>("begin"),
    attribute<number | number[]>("size"),
  ) as [number[], number[]];
  const axes = x.shape.map((_, i) => i).filter((i) => begin[i] !== 0 || size[i] !== x.shape[i]);
  if (axes.length === 0) return x.value;
  const pick = (list: readonly number[]): number[] => axes.map((i) => list[i] as number);
  const end = begin.map((b, i) => b + (size[i] as number));
  return slice(recorder, x, axes, pick(begin), pick(end), size);
}

/** slice_util looks at shape and rank only. */
const tensorLike = (x: Operand): tf.Tensor =>
  ({ shape: x.shape, rank: x.shape.length }) as unknown as tf.Tensor;

function splitV({ recorder, input, attribute }: KernelCall): Value[] {
  const x = input("x");
  const [axis] = tf.util.parseAxisParam(attribute<number>("axis"), x.shape) as [number];
  const sizes = tf.backend_util.prepareSplitSize(
    tensorLike(x),
    attribute<number | number[]>("numOrSizeSplits"),
    axis,
  );
  let begin = 0;
  return sizes.map((size) => part(recorder, x, axis, begin, (begin += size)));
}

function transpose({ recorder, input, attribute }: KernelCall): Value {
  const x = input("x");
  const perm = attribute<number[]>("perm");
  const shape = perm.map((p) => x.shape[p] as number);
  return recorder.emit("Transpose", [x.value], shape, x.dtype, { perm });
}

function tile({ recorder, input, attribute }: KernelCall): Value {
  const x = input("x");
  const reps = attribute<number[]>("reps");
  const shape = x.shape.map((dim, i) => dim * (reps[i] as number));
  // Only axes of one entry are repeated: that is a broadcast, which consumers can often do without.
  const broadcasts = reps.every((rep, i) => rep === 1 || x.shape[i] === 1);
  if (broadcasts) return recorder.emit("Expand", [x.value, recorder.ints(shape)], shape, x.dtype);
  return recorder.emit("Tile", [x.value, recorder.ints(reps)], shape, x.dtype);
}

function pad({ recorder, input, attribute }: KernelCall): Value {
  const x = input("x");
  const paddings = attribute<[number, number][]>("paddings");
  const pads = [...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)];
  const shape = x.shape.map((dim, i) => dim + (paddings[i]?.[0] ?? 0) + (paddings[i]?.[1] ?? 0));
  if (x.dtype !== "float32" && x.dtype !== "int32")
    throw new Error(`padding of ${x.dtype} can't be recorded`);
  const filler = recorder.scalar(attribute<number>("constantValue"), x.dtype);
  return recorder.emit("Pad", [x.value, recorder.ints(pads), filler], shape, x.dtype, { mode: "constant" });
}

function reverse({ recorder, input, attribute }: KernelCall): Value {
  const x = input("x");
  const axes = tf.util.parseAxisParam(attribute<number | number[]>("dims"), x.shape);
  if (axes.length === 0) return x.value;
  const full = (value: number): Value => recorder.ints(axes.map(() => value));
  // From the last entry down to before the first: ONNX takes the lowest int32 as "before the first".
  const bounds = [full(-1), full(-(2 ** 31)), recorder.ints(axes), full(-1)];
  return recorder.emit("Slice", [x.value, ...bounds], x.shape, x.dtype);
}

/** Kernels that move values and change none. */
export const shapeKernels: Kernels = {
  Concat: concat,
  ExpandDims: ({ recorder, input, attribute }) => {
    const x = input("input");
    return reshape(
      recorder,
      x,
      x.shape.toSpliced(axisOf(attribute<number>("dim"), x.shape.length + 1), 0, 1),
    );
  },
  Pack: pack,
  PadV2: pad,
  Reshape: ({ recorder, input, attribute }) => {
    const x = input("x");
    const size = tf.util.sizeFromShape(x.shape);
    return reshape(recorder, x, tf.util.inferFromImplicitShape(attribute<number[]>("shape"), size));
  },
  Reverse: reverse,
  Slice: sliceKernel,
  SplitV: splitV,
  Tile: tile,
  Transpose: transpose,
  Unpack: unpack,
};
