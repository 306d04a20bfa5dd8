import * as tf from "@tensorflow/tfjs-core";
import "../../graph/gradients.ts";
import type { NamedTensor, NamedTensors } from "../../checkpoint/named-tensors.ts";
import { imagePositionalEncoding } from "../../model/prompt-encoder.ts";
import { type Named, stepScalars } from "../adamw.ts";
import { checkState, checkTrainBatch, maskInputs, maskSize, samplesOf } from "./batches.ts";
import { useBestBackend } from "./eager-backend.ts";
import { forward, type PromptTensors, type StepTensors, trainedNames, trainStep } from "./step.ts";
import type { DecoderOutput, EngineSpec, EngineState, PromptBatch, StepResult, TrainBatch } from "./types.ts";
import type { WorkerEngine } from "./worker-protocol.ts";

/** Runs the step op by op on the best tfjs backend there is. Call it in a worker thread: ops block it. */
export async function startEager(spec: EngineSpec): Promise<WorkerEngine> {
  const names = trainedNames(spec);
  const device = await useBestBackend();
  const weights: Record<string, tf.Tensor> = {};
  const first: Record<string, tf.Tensor> = {};
  const second: Record<string, tf.Tensor> = {};
  for (const [name, { data, shape }] of Object.entries(spec.weights))
    weights[name] = tf.tensor(Float32Array.from(data), [...shape]);
  for (const name of names) {
    first[name] = tf.zerosLike(weights[name] as tf.Tensor);
    second[name] = tf.zerosLike(weights[name] as tf.Tensor);
  }
  const imagePe = imagePositionalEncoding(weights);
  let steps = 0;

  const promptTensors = (batch: PromptBatch): PromptTensors => {
    const count = batch.embeddings.length;
    const each = batch.embeddings.map((data) => tf.tensor(data, [1, 4096, 256]));
    return {
      embedding: each.length === 1 ? (each[0] as tf.Tensor) : tf.concat(each, 0),
      imagePe,
      coords: tf.tensor(batch.coords, [count, spec.points, 2]),
      labels: tf.tensor(batch.labels, [count, spec.points]),
    };
  };

  const stateTensors = (): [string, tf.Tensor][] =>
    names.flatMap((name) => [
      [name, weights[name] as tf.Tensor],
      [`first/${name}`, first[name] as tf.Tensor],
      [`second/${name}`, second[name] as tf.Tensor],
    ]);

  return {
    device: `${device}, ${tf.getBackend()}`,

    async step(batch: TrainBatch, learningRate: number): Promise<StepResult> {
      checkTrainBatch(batch, spec);
      const numbers = stepScalars(++steps, learningRate, spec.weightDecay);
      const result = tf.tidy(() => {
        const shape = [spec.batchSize, 256, 256];
        const tensors = {
          ...promptTensors(batch),
          ...(Object.fromEntries(
            Object.entries(maskInputs(batch, spec)).map(([name, data]) => [name, tf.tensor(data, shape)]),
          ) as Pick<StepTensors, "targets" | "valid" | "edges">),
        };
        const scalars = {
          decay: tf.scalar(numbers.decay),
          rate: tf.scalar(numbers.rate),
          epsilon: tf.scalar(numbers.epsilon),
        };
        const next = trainStep(spec, weights, { first, second }, tensors, scalars);
        replace(weights, next.weights);
        replace(first, next.moments.first);
        replace(second, next.moments.second);
        return [next.loss, next.gradientNorm] as [tf.Scalar, tf.Scalar];
      });
      const [loss, gradientNorm] = await Promise.all(result.map(readNumber));
      return { loss: loss ?? Number.NaN, gradientNorm: gradientNorm ?? Number.NaN };
    },

    async predict(batch: PromptBatch): Promise<DecoderOutput> {
      const count = samplesOf(batch, spec);
      const logits = new Float32Array(count * maskSize);
      const iou = new Float32Array(count);
      const points = spec.points;
      // One by one, as the compiled engine does: memory stays small, and it is as fast.
      for (let i = 0; i < count; i++) {
        const one: PromptBatch = {
          embeddings: batch.embeddings.slice(i, i + 1),
          coords: batch.coords.slice(i * points * 2, (i + 1) * points * 2),
          labels: batch.labels.slice(i * points, (i + 1) * points),
        };
        const output = tf.tidy(() => forward(weights, promptTensors(one)));
        logits.set((await output.logits.data()) as Float32Array, i * maskSize);
        iou.set((await output.iou.data()) as Float32Array, i);
        tf.dispose(output);
      }
      return { logits, iou };
    },

    async weights(): Promise<NamedTensors> {
      const entries = Object.entries(weights).map(async ([name, tensor]) => [name, await read(tensor)]);
      return Object.fromEntries(await Promise.all(entries));
    },

    async state(): Promise<EngineState> {
      const tensors = await Promise.all(
        stateTensors().map(async ([name, tensor]) => [name, await read(tensor)]),
      );
      return { steps, tensors: Object.fromEntries(tensors) as NamedTensors };
    },

    async restore(state: EngineState): Promise<void> {
      const wanted = stateTensors().map(([name, { shape }]) => ({ name, shape }));
      const next = new Map(
        checkState(state, wanted).map(({ name, shape, data }) => [name, tf.tensor(data, [...shape])]),
      );
      const of = (prefix: string): Named =>
        Object.fromEntries(names.map((name) => [name, next.get(prefix + name) as tf.Tensor]));
      replace(weights, of(""));
      replace(first, of("first/"));
      replace(second, of("second/"));
      steps = state.steps;
    },

    dispose(): Promise<void> {
      tf.dispose([weights, first, second, imagePe]);
      return Promise.resolve();
    },
  };
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
