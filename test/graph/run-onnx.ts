import ort from "../../src/lib/onnxruntime.ts";
import type { Graph } from "../../src/graph/ir.ts";
import { toOnnx } from "../../src/graph/to-onnx.ts";
import { seededRandom } from "../../src/lib/random.ts";

export interface Plain {
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** Runs a graph in onnxruntime on plain values. */
export async function runGraph(
  graph: Graph,
  feeds: Readonly<Record<string, Plain>>,
): Promise<Record<string, Plain>> {
  return runBytes(toOnnx(graph), feeds);
}

export async function runBytes(
  bytes: Uint8Array,
  feeds: Readonly<Record<string, Plain>>,
): Promise<Record<string, Plain>> {
  const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  try {
    const inputs = Object.fromEntries(
      session.inputNames.map((name) => {
        const feed = feeds[name];
        if (!feed) throw new Error(`no feed for ${name}`);
        return [name, new ort.Tensor(feed.data, feed.shape)];
      }),
    );
    const results = await session.run(inputs);
    return Object.fromEntries(
      Object.entries(results).map(([name, tensor]) => [
        name,
        { shape: tensor.dims, data: tensor.data as Float32Array },
      ]),
    );
  } finally {
    await session.release();
  }
}

/** Normal numbers; the same seed gives the same. */
export const values = (shape: readonly number[], seed = 3): Plain & { data: Float32Array } => {
  const random = seededRandom(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float32Array.from({ length: size }, () => random.normal()) };
};
