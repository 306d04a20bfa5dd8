import { AppError, type ErrorCode } from "./errors.ts";

/** What a worker sends back: postMessage keeps an error's text, but not its code and field. */
export type Outcome<T> =
  | { readonly value: T }
  | { readonly failure: { readonly code: ErrorCode; readonly message: string; readonly param?: string } };

/** In a worker: an AppError becomes data; any other error is thrown on, a fault of ours. */
export async function settle<T>(work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const { code, message, param } = error;
    return { failure: param === undefined ? { code, message } : { code, message, param } };
  }
}

/** In the main thread: the value, or the AppError again. */
export function unwrap<T>(outcome: Outcome<T>): T {
  if ("value" in outcome) return outcome.value;
  const { code, message, param } = outcome.failure;
  throw new AppError(code, message, param === undefined ? {} : { param });
}
