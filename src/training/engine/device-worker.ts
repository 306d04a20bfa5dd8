import { parentPort, workerData } from "node:worker_threads";
import * as tf from "@tensorflow/tfjs-core";
import { gpuFacts } from "./gpu-facts.ts";
import { providerOn, providerOptions } from "./provider.ts";
import { proveSteps, type StepProof } from "./step-proof.ts";
import type { EngineName, TrainerDevice } from "./types.ts";

export type { StepProof } from "./step-proof.ts";

/** Handed to the thread when it starts. */
export interface ProofStart {
  readonly engine: EngineName;
  readonly device: TrainerDevice;
}

/** The thread's one message: what it is, milliseconds of the product, and on a GPU the steps. */
export interface Proof {
  readonly device: string;
  readonly ms: number;
  readonly step?: StepProof;
}

const size = 1024;
/** Every value of the product: one row of ones times one column of halves. */
const expected = size / 2;

interface Machine {
  readonly device: string;
  /** A [1024, 1024] of ones times one of halves, all of it back in memory. */
  multiply(): Promise<Float32Array>;
}

async function eager(device: TrainerDevice): Promise<Machine> {
  const { useBestBackend } = await import("./eager-backend.ts");
  const name = await useBestBackend(device);
  const [a, b] = [tf.ones([size, size]), tf.mul(tf.ones([size, size]), 0.5)];
  const multiply = async (): Promise<Float32Array> => {
    const product = tf.matMul(a, b);
    const values = await product.data<"float32">();
    product.dispose();
    return values;
  };
  return { device: `${name}, ${tf.getBackend()}`, multiply };
}

async function compiled(on: TrainerDevice): Promise<Machine> {
  const [ort, { recordGraph }, { toOnnx }] = await Promise.all([
    import("../../lib/onnxruntime.ts"),
    import("../../graph/record.ts"),
    import("../../graph/to-onnx.ts"),
  ]);
  const shape = [size, size];
  const inputs = [
    { name: "a", shape },
    { name: "b", shape },
  ];
  const multiply = ({ a, b }: Record<string, tf.Tensor>) => ({
    product: tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D),
  });
  const graph = recordGraph(multiply, inputs);
  const provider = providerOn(on);
  const session = await ort.InferenceSession.create(toOnnx(graph), {
    ...providerOptions(provider),
    logSeverityLevel: 3,
  });
  const matrix = (value: number) => new ort.Tensor(new Float32Array(size * size).fill(value), shape);
  const feeds = { a: matrix(1), b: matrix(0.5) };
  return {
    device: `onnxruntime ${ort.env.versions.node ?? ort.env.versions.common} ${provider}${provider === "cpu" ? "" : ` (${await gpuFacts()})`}`,
    multiply: async () => (await session.run(feeds))["product"]?.data as Float32Array,
  };
}

const { engine, device } = workerData as ProofStart;
const machine = engine === "eager" ? await eager(device) : await compiled(device);
let fastest = Number.POSITIVE_INFINITY;
// The first run also compiles and allocates.
for (let run = 0; run < 4; run++) {
  const start = performance.now();
  const product = await machine.multiply();
  if (run > 0) fastest = Math.min(fastest, performance.now() - start);
  if (product.length !== size * size || product.some((value) => Math.abs(value - expected) > 1e-3))
    throw new Error(`${machine.device} multiplies wrongly: ${product[0]} where ${expected} is right`);
}
const step = device === "gpu" ? await proveSteps(engine) : undefined;
const message: Proof = { device: machine.device, ms: fastest, ...(step && { step }) };
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows, this is a thread
parentPort?.postMessage(message);
