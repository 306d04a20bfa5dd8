import ort, { type InferenceSession } from "onnxruntime-node";

const sessions = new Map<string, Promise<InferenceSession>>();

/** This thread's session of an ONNX file, made once. `threads` 0 lets onnxruntime choose. */
export function sessionOf(path: string, threads: number): Promise<InferenceSession> {
  let session = sessions.get(path);
  if (!session) {
    session = ort.InferenceSession.create(path, {
      executionProviders: ["cpu"],
      graphOptimizationLevel: "all",
      ...(threads > 0 ? { intraOpNumThreads: threads } : {}),
    });
    sessions.set(path, session);
  }
  return session;
}

/** Float32 values as a tensor; a view on shared memory is read in place. */
export const float32 = (data: Float32Array, shape: readonly number[]): ort.Tensor =>
  new ort.Tensor("float32", data, shape);
