import ort, { withoutPattern } from "../../lib/onnxruntime.ts";
import type { NamedTensors } from "../../checkpoint/named-tensors.ts";
import { stepScalars } from "./adamw.ts";
import {
  checkState,
  checkTrainBatch,
  embeddingInputs,
  familyOfEmbedding,
  kindOf,
  maskInputs,
  maskSize,
  oneByOne,
  type PromptKind,
  sizesOf,
} from "./batches.ts";
import { type Provider, providerOptions } from "./provider.ts";
import { renamed, startState, type Tensors } from "./run-state.ts";
import { nameInState, needsBase, servedPart, type StatePart, stateParts, trainedNames } from "./step.ts";
import { imagePeOnnx, predictOnnx, stateNames, stepOnnx } from "./step-graphs.ts";
import type { DecoderOutput, EngineSpec, EngineState, PromptBatch, StepResult, TrainBatch } from "./types.ts";
import type { WorkerEngine } from "./worker-protocol.ts";

/**
 * Compiles the step for onnxruntime. Call it in a worker thread: a run blocks the thread that makes it. On a GPU the
 * state stays there from step to step. Throws an Error where the provider can't start.
 */
export async function startCompiled(spec: EngineSpec, provider: Provider = "cpu"): Promise<WorkerEngine> {
  const names = trainedNames(spec);
  const parts = stateParts(spec);
  const imagePe = await imagePositions(spec);
  const resident = names.flatMap((name) => parts.map((part) => stateNames.next(stateNames.of(part, name))));
  const step = await open(stepOnnx(spec), spec, providerOptions(provider, resident));
  const state = await startState(provider, spec, names);
  const frozen = weightTensors(
    spec,
    Object.keys(spec.weights).filter((name) => !names.includes(name)),
  );
  const base = needsBase(spec) ? renamed(weightTensors(spec, names), stateNames.base) : {};
  let steps = 0;
  const forwards = new Map<string, ort.InferenceSession>();

  /** A graph for each kind of prompt: they are few. */
  const forwardOf = async (kind: PromptKind): Promise<ort.InferenceSession> => {
    const key = JSON.stringify(kind);
    const session =
      forwards.get(key) ?? (await open(predictOnnx(spec, kind), spec, providerOptions(provider)));
    forwards.set(key, session);
    return session;
  };
  const served = (): Tensors =>
    Object.fromEntries(names.map((name) => [name, state.of(servedPart(spec), name)]));
  const kept = parts.flatMap((part) => names.map((name): [StatePart, string] => [part, name]));

  return {
    device: `onnxruntime ${ort.env.versions.node ?? ort.env.versions.common} ${deviceText(provider, spec)}`,

    async step(batch: TrainBatch, learningRate: number): Promise<StepResult> {
      checkTrainBatch(batch, spec);
      const masks = Object.entries(maskInputs(batch, spec));
      const numbers = Object.entries(stepScalars(++steps, learningRate, spec));
      const feeds: Tensors = {
        ...frozen,
        ...state.all(),
        ...base,
        ...promptTensors(batch),
        image_pe: imagePe,
        ...Object.fromEntries(masks.map(([name, { data, shape }]) => [name, new ort.Tensor(data, shape)])),
        ...Object.fromEntries(numbers.map(([name, value]) => [`step/${name}`, scalar(value)])),
      };
      const own = state.fetches();
      // Whoever names one output must name all that are wanted.
      const fetches = Object.fromEntries(step.outputNames.map((name) => [name, own[name] ?? null]));
      const results = await step.run(only(feeds, step.inputNames), fetches);
      state.advance(results);
      return { loss: numberOf(results, "loss"), gradientNorm: numberOf(results, "gradient_norm") };
    },

    async predict(batch: PromptBatch): Promise<DecoderOutput> {
      const { count } = sizesOf(batch);
      const logits = new Float32Array(count * maskSize);
      const iou = new Float32Array(count);
      let i = 0;
      for (const one of oneByOne(batch)) {
        const forward = await forwardOf(kindOf(one));
        const feeds = { ...frozen, ...served(), ...promptTensors(one), image_pe: imagePe };
        const results = await forward.run(only(feeds, forward.inputNames));
        logits.set(results["logits"]?.data as Float32Array, i * maskSize);
        iou.set(results["iou"]?.data as Float32Array, i);
        i++;
      }
      return { logits, iou };
    },

    async weights(): Promise<NamedTensors> {
      const now = await state.read([servedPart(spec)]);
      const entries = Object.entries(spec.weights).map(([name, { shape, data }]) => {
        const trained = names.includes(name) ? now[stateNames.of(servedPart(spec), name)] : undefined;
        return [name, { shape, data: trained ?? Float32Array.from(data) }] as const;
      });
      return Object.fromEntries(entries);
    },

    async state(): Promise<EngineState> {
      const now = await state.read(parts);
      const entries = kept.map(([part, name]) => {
        const data = now[stateNames.of(part, name)] ?? new Float32Array();
        return [nameInState(spec, part, name), { shape: [...state.of(part, name).dims], data }] as const;
      });
      return { steps, tensors: Object.fromEntries(entries) };
    },

    async restore(given: EngineState): Promise<void> {
      const wanted = kept.map(([part, name]) => ({
        name: nameInState(spec, part, name),
        shape: state.of(part, name).dims,
      }));
      const tensors = checkState(given, wanted);
      for (const [i, [part, name]] of kept.entries())
        state.write(part, name, (tensors[i] as { data: Float32Array }).data);
      steps = given.steps;
    },

    async dispose(): Promise<void> {
      await step.release();
      for (const session of forwards.values()) await session.release();
      await state.dispose();
    },
  };
}

/** Left to itself, onnxruntime takes a thread for each physical core. */
const threadsText = ({ threads = 0 }: EngineSpec): string =>
  threads === 0 ? "a thread a core" : `${threads} thread${threads === 1 ? "" : "s"}`;

const deviceText = (provider: Provider, spec: EngineSpec): string =>
  provider === "cpu" ? `cpu, ${threadsText(spec)}` : provider;

const open = (
  bytes: Uint8Array,
  spec: EngineSpec,
  options: ort.InferenceSession.SessionOptions = {},
): Promise<ort.InferenceSession> =>
  ort.InferenceSession.create(bytes, {
    intraOpNumThreads: spec.threads ?? 0,
    logSeverityLevel: 3,
    ...withoutPattern,
    ...options,
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
const numberOf = (tensors: Tensors, name: string): number =>
  (tensors[name]?.data as Float32Array | undefined)?.[0] ?? Number.NaN;

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

function promptTensors(batch: PromptBatch): Tensors {
  const { count, tokens } = sizesOf(batch);
  const tensors: Tensors = {
    coords: new ort.Tensor(batch.coords, [count, tokens, 2]),
    labels: new ort.Tensor(batch.labels, [count, tokens]),
    ...(batch.masks ? { masks: new ort.Tensor(batch.masks, [count, 256, 256]) } : {}),
  };
  for (const [i, data] of batch.embeddings.entries()) {
    for (const { input, shape, offset, length } of embeddingInputs(familyOfEmbedding(data)))
      tensors[stateNames.sample(input, i)] = new ort.Tensor(data.subarray(offset, offset + length), shape);
  }
  return tensors;
}
