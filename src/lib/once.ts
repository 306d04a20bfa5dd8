/** Runs once; a failure is forgotten, so that a repaired file is seen. */
export function once<T>(work: () => Promise<T>): () => Promise<T> {
  let pending: Promise<T> | undefined;
  return async () => {
    pending ??= work();
    try {
      return await pending;
    } catch (error) {
      pending = undefined;
      throw error;
    }
  };
}
