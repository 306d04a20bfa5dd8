import "./gradients.ts";
import * as tf from "@tensorflow/tfjs-core";
import { generalise, type Recording } from "./generalise.ts";
import { dimAt, dimensionsOf, freeSize, type FreeSize, type Graph, type Sizes } from "./ir.ts";
import { registerKernels } from "./kernels/register.ts";
import { backendName, Recorder } from "./recorder.ts";
import { simplify, type SimplifyOptions } from "./simplify/simplify.ts";

/** An input of the recorded function; a string in its shape is a free dimension, by name. */
export interface RecordInput {
  readonly name: string;
  readonly shape: readonly (number | string | FreeSize)[];
  /** float32 where it is left out; a uint8 input is a float32 tensor to the function. */
  readonly dtype?: "float32" | "int32" | "uint8";
}

/** What is recorded: tensors by input name in, tensors by output name out. It may take gradients inside. */
export type RecordedFunction = (
  inputs: Readonly<Record<string, tf.Tensor>>,
) => Readonly<Record<string, tf.Tensor>>;

/** Sizes that no other size of a model is likely to equal, for each free dimension: two to solve, one to verify. */
const sizes = [
  [11, 13, 17],
  [19, 23, 29],
  [31, 37, 41],
  [43, 47, 53],
] as const;

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
 * With free dimensions it records at both of two sizes of each, in all combinations, and at a third: every size that
 * differs must be a sum of their products, each dimension at most once in each.
 * Throws an Error that names the op where a kernel is not known or where the recordings do not match.
 */
export function recordGraph(
  fn: RecordedFunction,
  inputs: readonly RecordInput[],
  options: SimplifyOptions = {},
): Graph {
  const free = [...new Set(inputs.flatMap(freeNames))].sort();
  if (free.length > sizes.length)
    throw new Error(`at most ${sizes.length} dimensions can be free, not ${free.join(" and ")}`);
  const at = (which: (i: number) => 0 | 1 | 2): Recording => {
    const own = Object.fromEntries(free.map((name, i) => [name, (sizes[i] as Triple)[which(i)]]));
    return { sizes: own, graph: record(fn, inputs, own) };
  };
  if (free.length === 0) return simplify(at(() => 0).graph, options);
  const corners = Array.from({ length: 2 ** free.length }, (_, corner) =>
    at((i) => ((corner >> i) & 1) as 0 | 1),
  );
  return simplify(
    generalise(
      corners,
      at(() => 2),
    ),
    options,
  );
}

type Triple = readonly [number, number, number];

const freeNames = ({ shape }: RecordInput): string[] =>
  shape.flatMap((dim) =>
    typeof dim === "number" ? [] : Object.keys(freeOf(dim).factors).flatMap(dimensionsOf),
  );

const freeOf = (dim: string | FreeSize): FreeSize => (typeof dim === "string" ? freeSize(dim) : dim);

/** Runs the function once on the recorder, with these sizes of the free dimensions. */
function record(fn: RecordedFunction, inputs: readonly RecordInput[], own: Sizes): Graph {
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
        const concrete = shape.map((dim) => dimAt(typeof dim === "number" ? dim : freeOf(dim), own));
        tensors[name] = tf.engine().makeTensorFromTensorInfo(backend.graphInput(name, concrete, dtype));
      }
      graph = backend.end(fn(tensors));
    });
  } finally {
    if (before && before !== backendName) useBackend(before);
  }
  if (!graph) throw new Error("the recorded function returned nothing");
  return graph;
}

/** tfjs switches before the promise is returned; the promise only reports the failure of a backend's start. */
function useBackend(name: string): void {
  void tf.setBackend(name);
  if (tf.getBackend() !== name) throw new Error(`tfjs did not switch to the backend ${name}`);
}
