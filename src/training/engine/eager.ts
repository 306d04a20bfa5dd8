import * as tf from "@tensorflow/tfjs-core";
import "../../graph/gradients.ts";
import type { NamedTensor, NamedTensors } from "../../checkpoint/named-tensors.ts";
import { imagePositionalEncoding } from "../../model/prompt-encoder.ts";
import { type Named, type ScalarTensors, stepScalars } from "./adamw.ts";
import {
  checkState,
  checkTrainBatch,
  embeddingInputs,
  familyOfEmbedding,
  kindOf,
  maskInputs,
  maskSize,
  oneByOne,
  sizesOf,
} from "./batches.ts";
import { useBestBackend } from "./eager-backend.ts";
import {
  forward,
  nameInState,
  needsBase,
  type PromptTensors,
  servedPart,
  type StatePart,
  stateParts,
  type StepTensors,
  trainedNames,
  trainStep,
} from "./step.ts";
import type {
  DecoderOutput,
  EngineSpec,
  EngineState,
  PromptBatch,
  StepResult,
  TrainBatch,
  TrainerDevice,
} from "./types.ts";
import type { WorkerEngine } from "./worker-protocol.ts";

type Tensors = Record<string, tf.Tensor>;

/** Runs the step op by op on the best tfjs backend there is. Call it in a worker thread: ops block it. */
export async function startEager(spec: EngineSpec, on: TrainerDevice = "auto"): Promise<WorkerEngine> {
  const names = trainedNames(spec);
  const parts = stateParts(spec);
  const device = await useBestBackend(on);
  const frozen = weightTensors(
    spec,
    Object.keys(spec.weights).filter((name) => !names.includes(name)),
  );
  const base = needsBase(spec) ? weightTensors(spec, names) : undefined;
  const state = Object.fromEntries(
    parts.map((part) => {
      const start = weightTensors(spec, names);
      return [part, part === "weight" || part === "average" ? start : zerosInPlaceOf(start)];
    }),
  ) as Record<StatePart, Tensors>;
  const imagePe = imagePositionalEncoding({ ...frozen, ...state.weight });
  let steps = 0;

  const served = (): Named => ({ ...frozen, ...state[servedPart(spec)] });
  const promptTensors = (batch: PromptBatch): PromptTensors => {
    const { count, tokens } = sizesOf(batch);
    const [first] = batch.embeddings;
    const seen = embeddingInputs(familyOfEmbedding(first as Float32Array)).map(
      ({ input, shape, offset, length }) => {
        const each = batch.embeddings.map((data) => tf.tensor(data.subarray(offset, offset + length), shape));
        return [input, each.length === 1 ? (each[0] as tf.Tensor) : tf.concat(each, 0)] as const;
      },
    );
    const { embedding, skip_fine: fine, skip_coarse: coarse } = Object.fromEntries(seen);
    return {
      embedding: embedding as tf.Tensor,
      ...(fine && coarse && { skips: { fine, coarse } }),
      imagePe,
      coords: tf.tensor(batch.coords, [count, tokens, 2]),
      labels: tf.tensor(batch.labels, [count, tokens]),
      ...(batch.masks ? { masks: tf.tensor(batch.masks, [count, 256, 256]) } : {}),
    };
  };
  const wholeState = (): { part: StatePart; name: string; told: string; tensor: tf.Tensor }[] =>
    parts.flatMap((part) =>
      names.map((name) => {
        return { part, name, told: nameInState(spec, part, name), tensor: state[part][name] as tf.Tensor };
      }),
    );

  return {
    device: `${device}, ${tf.getBackend()}`,

    async step(batch: TrainBatch, learningRate: number): Promise<StepResult> {
      checkTrainBatch(batch, spec);
      const numbers = Object.entries(stepScalars(++steps, learningRate, spec));
      const result = tf.tidy(() => {
        const masks = Object.entries(maskInputs(batch, spec));
        const tensors = {
          ...promptTensors(batch),
          ...Object.fromEntries(masks.map(([name, { data, shape }]) => [name, tf.tensor(data, shape)])),
        } as StepTensors;
        const scalars = Object.fromEntries(
          numbers.map(([name, value]) => [name, tf.scalar(value)]),
        ) as unknown as ScalarTensors;
        const weights = { ...frozen, ...state.weight };
        const { loss, gradientNorm, next } = trainStep(spec, { weights, state, base }, tensors, scalars);
        for (const part of parts) replace(state[part], next[part] ?? {});
        return [loss, gradientNorm] as [tf.Scalar, tf.Scalar];
      });
      const [loss, gradientNorm] = await Promise.all(result.map(readNumber));
      return { loss: loss ?? Number.NaN, gradientNorm: gradientNorm ?? Number.NaN };
    },

    async predict(batch: PromptBatch): Promise<DecoderOutput> {
      const { count } = sizesOf(batch);
      const logits = new Float32Array(count * maskSize);
      const iou = new Float32Array(count);
      let i = 0;
      // One by one, as the compiled engine does: memory stays small, and it is as fast.
      for (const one of oneByOne(batch)) {
        const output = tf.tidy(() => forward(served(), promptTensors(one), kindOf(one)));
        logits.set(await output.logits.data<"float32">(), i * maskSize);
        iou.set(await output.iou.data<"float32">(), i);
        tf.dispose(output);
        i++;
      }
      return { logits, iou };
    },

    async weights(): Promise<NamedTensors> {
      const now = served();
      const entries = Object.keys(spec.weights).map(
        async (name) => [name, await read(now[name] as tf.Tensor)] as const,
      );
      return Object.fromEntries(await Promise.all(entries));
    },

    async state(): Promise<EngineState> {
      const entries = wholeState().map(async ({ told, tensor }) => [told, await read(tensor)] as const);
      return { steps, tensors: Object.fromEntries(await Promise.all(entries)) };
    },

    restore(from: EngineState): Promise<void> {
      const own = wholeState();
      const tensors = checkState(
        from,
        own.map(({ told, tensor }) => ({ name: told, shape: tensor.shape })),
      );
      for (const [i, { data, shape }] of tensors.entries()) {
        const { part, name } = own[i] as { part: StatePart; name: string };
        replace(state[part], { [name]: tf.tensor(data, [...shape]) });
      }
      steps = from.steps;
      return Promise.resolve();
    },

    dispose(): Promise<void> {
      tf.dispose([frozen, state, base ?? {}, imagePe]);
      return Promise.resolve();
    },
  };
}

const weightTensors = (spec: EngineSpec, names: readonly string[]): Tensors =>
  Object.fromEntries(
    names.map((name) => {
      const { data, shape } = spec.weights[name] as NamedTensor;
      return [name, tf.tensor(Float32Array.from(data), [...shape])];
    }),
  );

function zerosInPlaceOf(tensors: Tensors): Tensors {
  const zeros = Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name, tf.zerosLike(tensor)]),
  );
  tf.dispose(tensors);
  return zeros;
}

/** Puts the next tensors in the place of the old ones, which are freed; they outlive the tidy they come from. */
function replace(state: Record<string, tf.Tensor>, next: Named): void {
  for (const [name, tensor] of Object.entries(next)) {
    state[name]?.dispose();
    state[name] = tf.keep(tensor);
  }
}

async function read(tensor: tf.Tensor): Promise<NamedTensor> {
  return { shape: [...tensor.shape], data: Float32Array.from((await tensor.data()) as Float32Array) };
}

async function readNumber(tensor: tf.Scalar): Promise<number> {
  const [value] = await tensor.data();
  tensor.dispose();
  return value ?? Number.NaN;
}
