import type { Dtype } from "../ir.ts";
import type { Kernel, Kernels } from "./kernel.ts";

const like =
  (number: number): Kernel =>
  ({ recorder, input }) => {
    const x = input("x");
    return recorder.fill(x.shape, number, x.dtype);
  };

const fill: Kernel = ({ recorder, attribute }) => {
  const [shape, value] = [attribute<number[]>("shape"), attribute<number>("value")];
  return recorder.fill(shape, value, attribute<Dtype | undefined>("dtype") ?? "float32");
};

/** The numbers start, start + step, ... below stop; known when the graph is made. */
const range: Kernel = ({ recorder, attribute }) => {
  const [start, stop, step] = [
    attribute<number>("start"),
    attribute<number>("stop"),
    attribute<number>("step"),
  ];
  const dtype = attribute<"float32" | "int32" | undefined>("dtype") ?? "float32";
  const count = Math.max(0, Math.ceil((stop - start) / step));
  const values = Float32Array.from({ length: count }, (_, i) => start + i * step);
  return recorder.valueBehind({ dataId: recorder.write(values, [count], dtype), shape: [count], dtype });
};

/** Tensors that do not depend on any value, only on shapes. */
export const fillKernels: Kernels = {
  Fill: fill,
  OnesLike: like(1),
  Range: range,
  ZerosLike: like(0),
};
