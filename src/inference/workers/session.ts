import ort, { type InferenceSession, withoutPattern } from "../../lib/onnxruntime.ts";
import { giveWay } from "../../lib/thread-priority.ts";

const sessions = new Map<string, Promise<InferenceSession>>();

const sessionKey = (path: string, threads: number): string => `${threads} ${path}`;

/** This thread's session of an ONNX file for a number of threads, made once. `threads` 0 lets onnxruntime choose. */
export function sessionOf(path: string, threads: number): Promise<InferenceSession> {
  const key = sessionKey(path, threads);
  let session = sessions.get(key);
  if (!session) {
    // Threads of a session have the priority of the thread that makes it.
    giveWay();
    session = ort.InferenceSession.create(path, {
      executionProviders: ["cpu"],
      graphOptimizationLevel: "all",
      ...withoutPattern,
      ...(threads > 0 ? { intraOpNumThreads: threads } : {}),
      // Its threads would go on spinning after a run, on cores that the answer, the database and the caller need.
      extra: { session: { force_spinning_stop: "1" } },
    });
    sessions.set(key, session);
  }
  return session;
}

let sole: { key: string; session: Promise<InferenceSession> } | undefined;

/**
 * The same, but this thread keeps only the last one: image encoders have up to 2.5 GB, and projects on several base
 * models take turns.
 */
export async function soleSessionOf(path: string, threads: number): Promise<InferenceSession> {
  const key = sessionKey(path, threads);
  if (sole?.key !== key) {
    const old = sole;
    sole = undefined;
    if (old) {
      sessions.delete(old.key);
      await (await old.session).release();
    }
    sole = { key, session: sessionOf(path, threads) };
  }
  try {
    return await sole.session;
  } catch (error) {
    // A file that could not be loaded may be repaired by the next call.
    sessions.delete(key);
    sole = undefined;
    throw error;
  }
}

/** Float32 values as a tensor; a view on shared memory is read in place. */
export const float32 = (data: Float32Array, shape: readonly number[]): ort.Tensor =>
  new ort.Tensor("float32", data, shape);
