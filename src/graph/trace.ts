import "./gradients.ts";
import * as tf from "@tensorflow/tfjs-core";
import { generalise } from "./generalise.ts";
import type { Graph } from "./ir.ts";
import { registerKernels } from "./kernels/register.ts";
import { backendName, Recorder } from "./recorder.ts";
import { simplify, type SimplifyOptions } from "./simplify/simplify.ts";

/** An input of the traced function; a string in its shape is the graph's one free dimension, by name. */
export interface TraceInput {
  readonly name: string;
  readonly shape: readonly (number | string)[];
  readonly dtype?: "float32" | "int32";
}

/** What is traced: tensors by input name in, tensors by output name out. It may take gradients inside. */
export type TracedFunction = (
  inputs: Readonly<Record<string, tf.Tensor>>,
) => Readonly<Record<string, tf.Tensor>>;

/** Sizes for the free dimension that no other size of a model is likely to equal: two to solve, one to verify. */
const sizes = [11, 13, 17] as const;

let recorder: Recorder | undefined;

/** The one recording backend, registered on first use. */
function theRecorder(): Recorder {
  if (recorder) return recorder;
  const made = new Recorder();
  tf.registerBackend(backendName, () => made, 0);
  registerKernels(made);
  recorder = made;
  return made;
}

/**
 * Records a function of tensors as a graph, gradients included, and cleans the graph up.
 * With a free dimension it records at three sizes: every size that differs must be a linear function of it.
 * Throws an Error that names the op where a kernel is not known or where the recordings do not match.
 */
export function traceGraph(
  fn: TracedFunction,
  inputs: readonly TraceInput[],
  options: SimplifyOptions = {},
): Graph {
  const free = new Set(inputs.flatMap((input) => input.shape.filter((dim) => typeof dim === "string")));
  if (free.size > 1) throw new Error(`only one dimension can be free, not ${[...free].join(" and ")}`);
  if (free.size === 0) return simplify(record(fn, inputs, 0), options);
  const recordings = sizes.map((size) => ({ size, graph: record(fn, inputs, size) }));
  const [first, second, third] = recordings as [Recording, Recording, Recording];
  return simplify(generalise(first, second, third), options);
}

interface Recording {
  size: number;
  graph: Graph;
}

/** Runs the function once on the recorder, with `size` for the free dimension. */
function record(fn: TracedFunction, inputs: readonly TraceInput[], size: number): Graph {
  const backend = theRecorder();
  const before = tf.getBackend();
  // Recording is synchronous, so nothing else in this thread sees the other backend.
  useBackend(backendName);
  backend.begin();
  let graph: Graph | undefined;
  try {
    tf.tidy(() => {
      const tensors: Record<string, tf.Tensor> = {};
      for (const { name, shape, dtype = "float32" } of inputs) {
        if (name in tensors) throw new Error(`two inputs are called ${name}`);
        const concrete = shape.map((dim) => (typeof dim === "number" ? dim : size));
        tensors[name] = tf.engine().makeTensorFromTensorInfo(backend.graphInput(name, concrete, dtype));
      }
      graph = backend.end(fn(tensors));
    });
  } finally {
    if (before && before !== backendName) useBackend(before);
  }
  if (!graph) throw new Error("the traced function returned nothing");
  return graph;
}

/** tfjs switches before the promise is returned; the promise only reports the failure of a backend's start. */
function useBackend(name: string): void {
  void tf.setBackend(name);
  if (tf.getBackend() !== name) throw new Error(`tfjs did not switch to the backend ${name}`);
}
