import * as tf from "@tensorflow/tfjs-core";

/** Abramowitz and Stegun's rational approximation of erf (7.1.26), the same as tfjs's cpu backend: error below 1.5e-7. */
const p = 0.3275911;
const a = [0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429] as const;

type Unary = (x: tf.Tensor) => tf.Tensor;

/** Kernels that a training step needs and tfjs's wasm backend lacks, in terms of ops that it has. */
const composed: Readonly<Record<string, Unary>> = {
  Erf: (x) => {
    const positive = tf.abs(x);
    const t = tf.div(1, tf.add(tf.mul(positive, p), 1));
    const series = a.reduceRight<tf.Tensor>((sum, factor) => tf.mul(tf.add(sum, factor), t), tf.scalar(0));
    const value = tf.sub(1, tf.mul(series, tf.exp(tf.neg(tf.square(x)))));
    return tf.mul(value, tf.sub(tf.mul(tf.step(x), 2), 1));
  },
  // log(1 + e^x), written so that e^x can't overflow
  Softplus: (x) => tf.add(tf.relu(x), tf.log(tf.add(tf.exp(tf.neg(tf.abs(x))), 1))),
};

/** Registers those of them that the wasm backend still lacks. Call it once the backend's own kernels are there. */
export function registerMissingWasmKernels(): void {
  for (const [kernelName, op] of Object.entries(composed)) {
    if (tf.getKernel(kernelName, "wasm")) continue;
    tf.registerKernel({
      kernelName,
      backendName: "wasm",
      // Inside a kernel nothing is on the gradient tape; tidy frees what lies between.
      kernelFunc: ({ inputs }) => tf.tidy(() => op(inputs["x"] as tf.Tensor)),
    });
  }
}
