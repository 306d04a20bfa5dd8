import ort, { type InferenceSession } from "../../lib/onnxruntime.ts";

const sessions = new Map<string, Promise<InferenceSession>>();

/** This thread's session of an ONNX file, made once. `threads` 0 lets onnxruntime choose. */
export function sessionOf(path: string, threads: number): Promise<InferenceSession> {
  let session = sessions.get(path);
  if (!session) {
    session = ort.InferenceSession.create(path, {
      executionProviders: ["cpu"],
      graphOptimizationLevel: "all",
      ...(threads > 0 ? { intraOpNumThreads: threads } : {}),
      // Its threads would go on spinning after a run, on cores that the answer, the database and the caller need.
      extra: { session: { force_spinning_stop: "1" } },
    });
    sessions.set(path, session);
  }
  return session;
}

let sole: { path: string; session: Promise<InferenceSession> } | undefined;

/**
 * The same, but this thread keeps only the last one: image encoders have up to 2.5 GB, and projects on several base
 * models take turns.
 */
export async function soleSessionOf(path: string, threads: number): Promise<InferenceSession> {
  if (sole?.path !== path) {
    const old = sole;
    sole = undefined;
    if (old) {
      sessions.delete(old.path);
      await (await old.session).release();
    }
    sole = { path, session: sessionOf(path, threads) };
  }
  try {
    return await sole.session;
  } catch (error) {
    // A file that could not be loaded may be repaired by the next call.
    sessions.delete(path);
    sole = undefined;
    throw error;
  }
}

/** Float32 values as a tensor; a view on shared memory is read in place. */
export const float32 = (data: Float32Array, shape: readonly number[]): ort.Tensor =>
  new ort.Tensor("float32", data, shape);
