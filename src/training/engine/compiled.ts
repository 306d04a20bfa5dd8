import * as ort from "onnxruntime-node";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import { stepScalars } from "../adamw.ts";
import { checkState, checkTrainBatch, maskInputs, maskSize, samplesOf } from "./batches.ts";
import { trainedNames } from "./step.ts";
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
  const scalars = { loss: scalar(0), gradient_norm: scalar(0) };
  let steps = 0;
  let forward: ort.InferenceSession | undefined;

  return {
    device: `onnxruntime ${ort.env.versions.node ?? ort.env.versions.common} cpu, ${threadsText(spec)}`,

    async step(batch: TrainBatch, learningRate: number): Promise<StepResult> {
      checkTrainBatch(batch, spec);
      const count = spec.batchSize;
      const numbers = stepScalars(++steps, learningRate, spec.weightDecay);
      const feeds: Tensors = {
        ...frozen,
        ...current,
        ...promptTensors(batch, spec),
        image_pe: imagePe,
        ...Object.fromEntries(
          Object.entries(maskInputs(batch, spec)).map(([name, data]) => [
            name,
            new ort.Tensor(data, [count, 256, 256]),
          ]),
        ),
        ...Object.fromEntries(
          Object.entries(numbers).map(([name, value]) => [`step/${name}`, scalar(value)]),
        ),
      };
      const fetches: Tensors = { ...scalars };
      for (const [name, tensor] of Object.entries(next)) fetches[stateNames.next(name)] = tensor;
      await step.run(only(feeds, step.inputNames), fetches);
      [current, next] = [next, current];
      return { loss: numberOf(scalars.loss), gradientNorm: numberOf(scalars.gradient_norm) };
    },

    async predict(batch: PromptBatch): Promise<DecoderOutput> {
      const count = samplesOf(batch, spec);
      forward ??= await open(predictOnnx(spec), spec);
      const logits = new Float32Array(count * maskSize);
      const iou = new Float32Array(count);
      for (let i = 0; i < count; i++) {
        const points = spec.points;
        const one: PromptBatch = {
          embeddings: batch.embeddings.slice(i, i + 1),
          coords: batch.coords.subarray(i * points * 2, (i + 1) * points * 2),
          labels: batch.labels.subarray(i * points, (i + 1) * points),
        };
        const feeds = { ...frozen, ...current, ...promptTensors(one, spec), image_pe: imagePe };
        await forward.run(only(feeds, forward.inputNames), {
          logits: new ort.Tensor(logits.subarray(i * maskSize, (i + 1) * maskSize), [1, 256, 256]),
          iou: new ort.Tensor(iou.subarray(i, i + 1), [1]),
        });
      }
      return { logits, iou };
    },

    weights(): Promise<NamedTensors> {
      const entries = Object.entries(spec.weights).map(([name, { shape, data }]) => {
        const now = current[name]?.data as Float32Array | undefined;
        return [name, { shape, data: Float32Array.from(now ?? data) }] as const;
      });
      return Promise.resolve(Object.fromEntries(entries));
    },

    state(): Promise<EngineState> {
      const entries = Object.entries(current).map(([name, { dims, data }]) => {
        return [name, { shape: [...dims], data: Float32Array.from(data as Float32Array) }] as const;
      });
      return Promise.resolve({ steps, tensors: Object.fromEntries(entries) });
    },

    async restore(state: EngineState): Promise<void> {
      const wanted = Object.entries(current).map(([name, { dims }]) => ({ name, shape: dims }));
      const tensors = checkState(state, wanted);
      for (const { name, data } of tensors) {
        const { data: own } = current[name] as ort.Tensor;
        (own as Float32Array).set(data);
      }
      steps = state.steps;
    },

    async dispose(): Promise<void> {
      await step.release();
      await forward?.release();
    },
  };
}

/** Left to itself, onnxruntime takes a thread for each physical core. */
const threadsText = ({ threads = 0 }: EngineSpec): string =>
  threads === 0 ? "a thread a core" : `${threads} thread${threads === 1 ? "" : "s"}`;

const open = (bytes: Uint8Array, spec: EngineSpec): Promise<ort.InferenceSession> =>
  ort.InferenceSession.create(bytes, { intraOpNumThreads: spec.threads ?? 0, logSeverityLevel: 3 });

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

/** Trained weights and their moments, in buffers of our own; `filled` copies the weights in, moments start at zero. */
function stateTensors(spec: EngineSpec, names: readonly string[], filled: boolean): Tensors {
  const tensors: Tensors = {};
  for (const name of names) {
    const { data, shape } = spec.weights[name] ?? { data: new Float32Array(), shape: [] };
    const weight = filled ? Float32Array.from(data) : new Float32Array(data.length);
    tensors[stateNames.weight(name)] = new ort.Tensor(weight, [...shape]);
    tensors[stateNames.first(name)] = new ort.Tensor(new Float32Array(data.length), [...shape]);
    tensors[stateNames.second(name)] = new ort.Tensor(new Float32Array(data.length), [...shape]);
  }
  return tensors;
}

function promptTensors(batch: PromptBatch, spec: EngineSpec): Tensors {
  const count = batch.embeddings.length;
  const tensors: Tensors = {
    coords: new ort.Tensor(batch.coords, [count, spec.points, 2]),
    labels: new ort.Tensor(batch.labels, [count, spec.points]),
  };
  batch.embeddings.forEach((data, i) => {
    tensors[stateNames.embedding(i)] = new ort.Tensor(data, [1, 4096, 256]);
  });
  return tensors;
}
