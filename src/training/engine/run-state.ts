import ort from "../../lib/onnxruntime.ts";
import { dataType, encodeModel, valueInfo } from "../../lib/onnx-proto.ts";
import { type Provider, providerOptions } from "./provider.ts";
import { type StatePart, stateParts } from "./step.ts";
import { stateNames } from "./step-graphs.ts";
import type { EngineSpec } from "./types.ts";

export type Tensors = Record<string, ort.Tensor>;

/** What a step leads on to the next, as the step graph's tensors, by the names of its inputs. */
export interface RunState {
  of(part: StatePart, name: string): ort.Tensor;
  all(): Tensors;
  /** Where a run writes the next state, by the names of its outputs; nothing where the run makes its own tensors. */
  fetches(): Tensors;
  /** Takes the state that a run gave back for the current one. */
  advance(results: Tensors): void;
  /** A copy of the values of those parts, by the names of the step graph's inputs. */
  read(parts: readonly StatePart[]): Promise<Record<string, Float32Array>>;
  /** Puts values, which are copied, in the place of one tensor's. */
  write(part: StatePart, name: string, data: Float32Array): void;
  dispose(): Promise<void>;
}

export const startState = async (
  provider: Provider,
  spec: EngineSpec,
  names: readonly string[],
): Promise<RunState> => (provider === "webgpu" ? deviceState(provider, spec, names) : hostState(spec, names));

/** Two buffers of our own for each tensor: a step reads one set and writes the other, then they change places. */
function hostState(spec: EngineSpec, names: readonly string[]): RunState {
  let current = stateTensors(spec, names, true);
  let next = stateTensors(spec, names, false);
  const of = (part: StatePart, name: string): ort.Tensor => tensorOf(current, part, name);
  return {
    of,
    all: () => current,
    fetches: () => renamed(next, stateNames.next),
    advance: () => {
      [current, next] = [next, current];
    },
    read: (parts) => {
      const entries = wanted(parts, names).map((name) => [name, current[name] as ort.Tensor] as const);
      return Promise.resolve(copies(Object.fromEntries(entries)));
    },
    write: (part, name, data) => (of(part, name).data as Float32Array).set(data),
    dispose: () => Promise.resolve(),
  };
}

/** Tensors in the GPU's memory once a step has made them; until then, and after a restore, on our side. */
async function deviceState(
  provider: Provider,
  spec: EngineSpec,
  names: readonly string[],
): Promise<RunState> {
  let current = stateTensors(spec, names, true);
  // onnxruntime-node 1.30 ends the process where a tensor in the GPU's memory is asked for its values.
  const download = await ort.InferenceSession.create(identityOnnx(current), providerOptions(provider));
  const of = (part: StatePart, name: string): ort.Tensor => tensorOf(current, part, name);
  const drop = (): void => {
    for (const tensor of Object.values(current)) tensor.dispose();
  };
  return {
    of,
    all: () => current,
    fetches: () => ({}),
    advance: (results) => {
      const made = Object.keys(current).map((name) => [name, results[stateNames.next(name)]] as const);
      drop();
      current = Object.fromEntries(made) as Tensors;
    },
    read: async (parts) => {
      const asked = wanted(parts, names).map((name) => copyPrefix + name);
      const results = await download.run(current, asked);
      return copies(renamed(results, (name) => name.slice(copyPrefix.length)));
    },
    write: (part, name, data) => {
      const old = of(part, name);
      current[stateNames.of(part, name)] = new ort.Tensor(Float32Array.from(data), [...old.dims]);
      old.dispose();
    },
    dispose: async () => {
      drop();
      await download.release();
    },
  };
}

const wanted = (parts: readonly StatePart[], names: readonly string[]): string[] =>
  parts.flatMap((part) => names.map((name) => stateNames.of(part, name)));

const copyPrefix = "copy/";

/** A graph that gives each of its inputs back, under the name with `copyPrefix` before it. */
function identityOnnx(tensors: Tensors): Uint8Array {
  const entries = Object.entries(tensors);
  return encodeModel({
    irVersion: 8,
    opsetImport: [{ domain: "", version: 17 }],
    graph: {
      name: "copies",
      node: entries.map(([name]) => ({ opType: "Identity", input: [name], output: [copyPrefix + name] })),
      initializer: [],
      input: entries.map(([name, { dims }]) => valueInfo(name, dataType.float, [...dims])),
      output: entries.map(([name, { dims }]) => valueInfo(copyPrefix + name, dataType.float, [...dims])),
    },
  });
}

const copies = (tensors: Tensors): Record<string, Float32Array> =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, { data }]) => [name, Float32Array.from(data as Float32Array)]),
  );

function tensorOf(tensors: Tensors, part: StatePart, name: string): ort.Tensor {
  const tensor = tensors[stateNames.of(part, name)];
  if (!tensor) throw new Error(`the run's state has no ${stateNames.of(part, name)}`);
  return tensor;
}

export const renamed = (tensors: Tensors, as: (name: string) => string): Tensors =>
  Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [as(name), tensor]));

/**
 * The state in buffers of our own, by the step graph's names. `filled` copies the weights in, which are also their own
 * first averages; moments start at zero.
 */
function stateTensors(spec: EngineSpec, names: readonly string[], filled: boolean): Tensors {
  const tensors: Tensors = {};
  for (const name of names) {
    const { data, shape } = spec.weights[name] ?? { data: new Float32Array(), shape: [] };
    for (const part of stateParts(spec)) {
      const copied = filled && (part === "weight" || part === "average");
      const own = copied ? Float32Array.from(data) : new Float32Array(data.length);
      tensors[stateNames.of(part, name)] = new ort.Tensor(own, [...shape]);
    }
  }
  return tensors;
}
