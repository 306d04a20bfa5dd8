import * as tf from "@tensorflow/tfjs-core";
import { backendName, type Recorder } from "../recorder.ts";
import { convolutionKernels } from "./convolutions.ts";
import { elementwiseKernels } from "./elementwise.ts";
import { fillKernels } from "./fills.ts";
import { gatherKernels } from "./gathers.ts";
import { matmulKernels } from "./matmul.ts";
import { planeKernels } from "./planes.ts";
import { reductionKernels } from "./reductions.ts";
import type { KernelCall, Kernels, Operand } from "./kernel.ts";
import { shapeKernels } from "./shapes.ts";

const families: readonly Kernels[] = [
  convolutionKernels,
  elementwiseKernels,
  fillKernels,
  gatherKernels,
  matmulKernels,
  planeKernels,
  reductionKernels,
  shapeKernels,
];

/** The tfjs kernels that can be recorded, by tfjs's names, in order. */
export const recordedKernels: readonly string[] = families.flatMap((family) => Object.keys(family)).sort();

/** Tells tfjs of every kernel; a kernel without a recording throws an Error that names it. */
export function registerKernels(recorder: Recorder): void {
  for (const [kernelName, kernel] of families.flatMap((family) => Object.entries(family)))
    tf.registerKernel({
      kernelName,
      backendName,
      kernelFunc: ({ inputs, attrs }) => {
        const result = kernel(callOf(recorder, kernelName, inputs, attrs ?? {}));
        return Array.isArray(result)
          ? result.map((value) => recorder.infoOf(value))
          : recorder.infoOf(result);
      },
    });
}

function callOf(
  recorder: Recorder,
  kernelName: string,
  inputs: tf.NamedTensorInfoMap,
  attrs: tf.NamedAttrMap,
): KernelCall {
  const operand = (tensor: tf.TensorInfo): Operand => {
    const value = recorder.valueBehind(tensor);
    // A reshape to the same value gives one value two shapes only through a node, so tfjs's shape is the value's.
    return { value, shape: tensor.shape, dtype: value.dtype };
  };
  return {
    recorder,
    input: (name) => {
      const tensor = inputs[name];
      if (!tensor) throw new Error(`kernel ${kernelName} was called without its input ${name}`);
      return operand(tensor);
    },
    inputs: () => Object.values(inputs).map((tensor) => operand(tensor as tf.TensorInfo)),
    // oxlint-disable-next-line typescript/no-unnecessary-type-parameters
    attribute: <T>(name: string) => attrs[name] as T,
  };
}
