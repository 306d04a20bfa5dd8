/**
 * Runs work that may take so many milliseconds: then its signal aborts with the error that `late` makes, which is thrown
 * unless the work ends otherwise. It aborts with `signal`, too.
 */
export async function byDeadline<T>(
  ms: number,
  { signal, late }: { signal: AbortSignal; late: () => Error },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const control = new AbortController();
  const timer = setTimeout(() => control.abort(late()), ms);
  try {
    return await work(AbortSignal.any([signal, control.signal]));
  } finally {
    clearTimeout(timer);
  }
}
