import ort, { withoutPattern } from "../../lib/onnxruntime.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import { stepScalars } from "./adamw.ts";
import {
  checkState,
  checkTrainBatch,
  kindOf,
  maskInputs,
  maskSize,
  oneByOne,
  type PromptKind,
  sizesOf,
} from "./batches.ts";
import { nameInState, needsBase, servedPart, type StatePart, stateParts, trainedNames } from "./step.ts";
import { imagePeOnnx, predictOnnx, stateNames, stepOnnx } from "./step-graphs.ts";
import type { DecoderOutput, EngineSpec, EngineState, PromptBatch, StepResult, TrainBatch } from "./types.ts";
import type { WorkerEngine } from "./worker-protocol.ts";

type Tensors = Record<string, ort.Tensor>;

/** Compiles the step for onnxruntime. Call it in a worker thread: a run blocks the thread that makes it. */
export async function startCompiled(spec: EngineSpec): Promise<WorkerEngine> {
  const names = trainedNames(spec);
  const imagePe = await imagePositions(spec);
  const step = await open(stepOnnx(spec), spec);
  // Each state has two buffers: a step reads one set and writes the other, then they change places.
  let current = stateTensors(spec, names, true);
  let next = stateTensors(spec, names, false);
  const frozen = weightTensors(
    spec,
    Object.keys(spec.weights).filter((name) => !names.includes(name)),
  );
  const base = needsBase(spec) ? renamed(weightTensors(spec, names), stateNames.base) : {};
  const scalars = { loss: scalar(0), gradient_norm: scalar(0) };
  let steps = 0;
  const forwards = new Map<string, ort.InferenceSession>();

  /** A graph for each kind of prompt: they are few. */
  const forwardOf = async (kind: PromptKind): Promise<ort.InferenceSession> => {
    const key = JSON.stringify(kind);
    const session = forwards.get(key) ?? (await open(predictOnnx(spec, kind), spec));
    forwards.set(key, session);
    return session;
  };
  const nowOf = (part: StatePart, name: string): ort.Tensor =>
    current[stateNames.of(part, name)] as ort.Tensor;
  const served = (): Tensors =>
    Object.fromEntries(names.map((name) => [name, nowOf(servedPart(spec), name)]));
  const wholeState = (): [string, ort.Tensor][] =>
    stateParts(spec).flatMap((part) =>
      names.map((name) => [nameInState(spec, part, name), nowOf(part, name)] as [string, ort.Tensor]),
    );

  return {
    device: `onnxruntime ${ort.env.versions.node ?? ort.env.versions.common} cpu, ${threadsText(spec)}`,

    async step(batch: TrainBatch, learningRate: number): Promise<StepResult> {
      checkTrainBatch(batch, spec);
      const masks = Object.entries(maskInputs(batch, spec));
      const numbers = Object.entries(stepScalars(++steps, learningRate, spec));
      const feeds: Tensors = {
        ...frozen,
        ...current,
        ...base,
        ...promptTensors(batch),
        image_pe: imagePe,
        ...Object.fromEntries(masks.map(([name, { data, shape }]) => [name, new ort.Tensor(data, shape)])),
        ...Object.fromEntries(numbers.map(([name, value]) => [`step/${name}`, scalar(value)])),
      };
      const fetches: Tensors = { ...scalars, ...renamed(next, stateNames.next) };
      await step.run(only(feeds, step.inputNames), fetches);
      [current, next] = [next, current];
      return { loss: numberOf(scalars.loss), gradientNorm: numberOf(scalars.gradient_norm) };
    },

    async predict(batch: PromptBatch): Promise<DecoderOutput> {
      const { count } = sizesOf(batch);
      const logits = new Float32Array(count * maskSize);
      const iou = new Float32Array(count);
      let i = 0;
      for (const one of oneByOne(batch)) {
        const forward = await forwardOf(kindOf(one));
        const feeds = { ...frozen, ...served(), ...promptTensors(one), image_pe: imagePe };
        await forward.run(only(feeds, forward.inputNames), {
          logits: new ort.Tensor(logits.subarray(i * maskSize, (i + 1) * maskSize), [1, 256, 256]),
          iou: new ort.Tensor(iou.subarray(i, i + 1), [1]),
        });
        i++;
      }
      return { logits, iou };
    },

    weights(): Promise<NamedTensors> {
      const now = served();
      const entries = Object.entries(spec.weights).map(([name, { shape, data }]) => {
        const trained = now[name]?.data as Float32Array | undefined;
        return [name, { shape, data: Float32Array.from(trained ?? data) }] as const;
      });
      return Promise.resolve(Object.fromEntries(entries));
    },

    state(): Promise<EngineState> {
      const entries = wholeState().map(([name, { dims, data }]) => {
        return [name, { shape: [...dims], data: Float32Array.from(data as Float32Array) }] as const;
      });
      return Promise.resolve({ steps, tensors: Object.fromEntries(entries) });
    },

    async restore(state: EngineState): Promise<void> {
      const own = wholeState();
      const tensors = checkState(
        state,
        own.map(([name, { dims }]) => ({ name, shape: dims })),
      );
      for (const [i, [, { data }]] of own.entries())
        (data as Float32Array).set((tensors[i] as { data: Float32Array }).data);
      steps = state.steps;
    },

    async dispose(): Promise<void> {
      await step.release();
      for (const session of forwards.values()) await session.release();
    },
  };
}

/** Left to itself, onnxruntime takes a thread for each physical core. */
const threadsText = ({ threads = 0 }: EngineSpec): string =>
  threads === 0 ? "a thread a core" : `${threads} thread${threads === 1 ? "" : "s"}`;

const open = (bytes: Uint8Array, spec: EngineSpec): Promise<ort.InferenceSession> =>
  ort.InferenceSession.create(bytes, {
    intraOpNumThreads: spec.threads ?? 0,
    logSeverityLevel: 3,
    ...withoutPattern,
  });

/** onnxruntime refuses feeds that the graph does not know. */
const only = (feeds: Tensors, names: readonly string[]): Tensors =>
  Object.fromEntries(
    names.map((name) => {
      const tensor = feeds[name];
      if (!tensor) throw new Error(`the graph wants ${name}, which the engine does not have`);
      return [name, tensor];
    }),
  );

const scalar = (value: number): ort.Tensor => new ort.Tensor(Float32Array.of(value), []);
const numberOf = (tensor: ort.Tensor): number => (tensor.data as Float32Array)[0] ?? Number.NaN;

async function imagePositions(spec: EngineSpec): Promise<ort.Tensor> {
  const session = await open(imagePeOnnx(spec), spec);
  try {
    const feeds = only(weightTensors(spec, Object.keys(spec.weights)), session.inputNames);
    return (await session.run(feeds))["image_pe"] as ort.Tensor;
  } finally {
    await session.release();
  }
}

function weightTensors(spec: EngineSpec, names: readonly string[]): Tensors {
  const tensors: Tensors = {};
  for (const name of names) {
    const weight = spec.weights[name];
    if (weight) tensors[name] = new ort.Tensor(weight.data, [...weight.shape]);
  }
  return tensors;
}

const renamed = (tensors: Tensors, as: (name: string) => string): Tensors =>
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

function promptTensors(batch: PromptBatch): Tensors {
  const { count, tokens } = sizesOf(batch);
  const tensors: Tensors = {
    coords: new ort.Tensor(batch.coords, [count, tokens, 2]),
    labels: new ort.Tensor(batch.labels, [count, tokens]),
    ...(batch.masks ? { masks: new ort.Tensor(batch.masks, [count, 256, 256]) } : {}),
  };
  batch.embeddings.forEach((data, i) => {
    tensors[stateNames.embedding(i)] = new ort.Tensor(data, [1, 4096, 256]);
  });
  return tensors;
}
